import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, inject, it } from 'vitest'

import { openLogFolder } from '../fixtures/log-fixture.js'
import { cloneDatabase, targetServer } from '../setup/database.js'

const [address] = inject('planted').filter((value) => value.includes('@'))
const [text] = inject('planted').filter((value) => /^\p{L}+ \p{L}+/u.test(value))
const leaks = {
  'an address of a contact': address,
  'a text of a message': text,
  'a password of a server': new URL(targetServer()).password,
  'a phone number of its own': '+5511987654321',
}

it('much personal data is planted', () => {
  expect(inject('planted').length).toBeGreaterThan(500)
})

it.each(Object.entries(leaks))('a database with %s in a control row fails its test', async (_, leak = '') => {
  expect(leak).not.toBe('')
  const target = await cloneDatabase('target')
  await target.query(
    `insert into etl_control (load_type, status, error_code, error_message, completed_at, duration_seconds)
     values ('full', 'failed', 'INTERNAL', 'it said: ' || $1::text || '.', now(), 0)`,
    [leak],
  )
  await expect(target[Symbol.asyncDispose]()).rejects.toThrow('has to stay out')
})

it.each(Object.entries(leaks))('a log with %s in it fails its test', async (_, leak = '') => {
  const folder = await openLogFolder()
  await mkdir(folder.directory, { recursive: true })
  await writeFile(
    join(folder.directory, 'etl_latest.log'),
    `${JSON.stringify({ message: `it said ${leak}` })}\n`,
  )
  await expect(folder[Symbol.asyncDispose]()).rejects.toThrow('has to stay out')
})

it('what holds nothing of it passes', async () => {
  const folder = await openLogFolder()
  await mkdir(folder.directory, { recursive: true })
  await writeFile(
    join(folder.directory, 'etl_latest.log'),
    '{"message":"[redacted] at 2026-01-05 10:00:00.123456+00"}\n',
  )
  await folder[Symbol.asyncDispose]()
})
