import { once } from 'node:events'
import { createInterface } from 'node:readline'

import { expect, it } from 'vitest'

import { openPair, openShell } from '../fixtures/cli-fixture.js'
import { until, type Json } from '../fixtures/server-fixture.js'

it('settings protect what sync, verify and the button of the page read, and a command without them reveals nothing', async () => {
  await using shell = await openShell()
  await using pair = await openPair(20)
  const settings = {
    ...pair.variables,
    CHATWOOT_SYNC_EXCLUDE_COLUMNS: 'contact_email',
    CHATWOOT_SYNC_MASK_COLUMNS: 'contact_name',
    CHATWOOT_SYNC_MESSAGE_TEXTS: 'false',
  }
  const isShown = async () => {
    const shown = `select from conversas_analytics
      where contact_email is not null or contact_name ~ '[a-w]' or last_message_text is not null`
    return (await pair.target.query(shown)).length > 0
  }
  expect((await shell.run(['sync', '--quiet'], settings)).code).toBe(0)
  expect(await isShown()).toBe(false)
  const verified = await shell.run(['verify', '--json'], settings)
  expect(JSON.parse(verified.stdout)).toMatchObject({ rowsStale: 0, rowsMissing: 0 })

  const { child, ended } = shell.start(['serve', '--port', '0', '--json'], settings)
  const [line]: string[] = await once(createInterface(child.stdout), 'line')
  const { url }: Json = JSON.parse(line ?? '')
  const headers = { 'content-type': 'application/json' }
  await fetch(`${url}api/runs`, { method: 'POST', headers, body: '{"loadType":"full"}' })
  const run = await until(async () => {
    const { runs }: Json = await (await fetch(`${url}api/runs`)).json()
    return runs[0].triggeredBy === 'api' && runs[0].status !== 'running' ? runs[0] : undefined
  })
  expect(run).toMatchObject({ status: 'success', rowsUpdated: 0 })
  child.kill('SIGTERM')
  await ended

  for (const args of [['sync'], ['sync', '--full']]) {
    const failed = await shell.run([...args, '--json'], pair.variables)
    expect(failed.code).toBe(1)
    expect(JSON.parse(failed.stdout)).toMatchObject({ error: { code: 'PROTECTION_WEAKENED' } })
  }
  expect(await isShown()).toBe(false)
  expect((await shell.run(['sync', '--reveal', '--quiet'], pair.variables)).code).toBe(0)
  expect(await isShown()).toBe(true)
})

it('keys that a flag or a setting names are loaded of a json column, and nothing else of it', async () => {
  await using shell = await openShell()
  await using pair = await openPair(3)
  await pair.source.query(`update conversations set custom_attributes = '{"plan": "ouro", "cpf": "123"}'`)
  await pair.source.query(`update contacts set custom_attributes = '{"city": "Recife", "mother": "Maria"}'`)
  const keys = async () =>
    pair.target.query(
      'select distinct custom_attributes as one, contact_custom_attributes as other from conversas_analytics where contact_name is not null',
    )
  const flags = ['--keep-keys', 'custom_attributes=plan,city', 'contact_custom_attributes=city']
  expect((await shell.run(['sync', '--quiet', ...flags], pair.variables)).code).toBe(0)
  expect(await keys()).toEqual([{ one: { plan: 'ouro' }, other: { city: 'Recife' } }])

  const setting = {
    ...pair.variables,
    CHATWOOT_SYNC_KEEP_KEYS: 'custom_attributes=city,plan;contact_custom_attributes=city',
  }
  const again = await shell.run(['sync', '--json'], setting)
  expect(JSON.parse(again.stdout)).toMatchObject({ loadType: 'incremental', rowsUpdated: 0 })
  const more = await shell.run(['sync', '--keep-keys', 'custom_attributes=plan,cpf', '--json'], setting)
  expect(more).toMatchObject({ code: 2, stdout: expect.stringContaining('are named twice') })
  const wrong = await shell.run(['sync', '--keep-keys', 'custom_attributes'], pair.variables)
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('custom_attributes=plan,city') })
})
