import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, expect, it } from 'vitest'

import { databasesOf } from '../../bin/flags/databases.js'
import { isPlainByChoice } from '../../lib/postgres/driver/connect.js'

const parts = { SOURCE_DB_HOST: 'db', SOURCE_DB_NAME: 'n', SOURCE_DB_USER: 'u', SOURCE_DB_PASSWORD: 'p' }
const url = { SOURCE_DATABASE_URL: 'postgres://u:p@db/n' }
const sourceOf = (settings: Record<string, string>) => databasesOf(['source'], settings).source

const folder = mkdtempSync(join(tmpdir(), 'tls-settings-'))
const ca = join(folder, 'ca.crt')
writeFileSync(ca, 'the authority')
afterAll(() => rmSync(folder, { recursive: true }))

it.each([
  ['parts', parts],
  ['a URL', url],
])('of %s TLS is set by settings of its own', (_, given) => {
  const sslOf = (settings: Record<string, string>) => sourceOf({ ...given, ...settings })
  expect(sslOf({ SOURCE_DB_SSLMODE: 'verify-full' })).toMatchObject({ ssl: {} })
  expect(sslOf({ SOURCE_DB_SSLMODE: 'require', SOURCE_DB_SSLROOTCERT: ca })).toMatchObject({
    ssl: { ca: 'the authority' },
  })
  expect(sslOf({ SOURCE_DB_SSLROOTCERT: ca })).toMatchObject({ ssl: { ca: 'the authority' } })
  expect(sslOf({ SOURCE_DB_SSLMODE: 'no-verify' })).toMatchObject({ ssl: { rejectUnauthorized: false } })
  expect(sslOf({ SOURCE_DB_SSLMODE: 'verify-ca', SOURCE_DB_SSLROOTCERT: ca })).toMatchObject({
    ssl: { ca: 'the authority', checkServerIdentity: expect.any(Function) },
  })
  expect(sslOf({ SOURCE_DB_SSLMODE: 'disable' })).toMatchObject({ ssl: false })
  expect(sslOf({ SOURCE_DB_CLEARTEXT_PASSWORD: 'allow' })).toMatchObject({ cleartextPassword: 'allow' })
})

it('without any of them nothing is set, so that everything connects as before', () => {
  expect(sourceOf(parts)).not.toHaveProperty('ssl')
  expect(sourceOf(url)).toBe(url.SOURCE_DATABASE_URL)
})

it.each([
  ['SSLMODE', 'prefer', 'CONFIG_INVALID', /without TLS/],
  ['SSLMODE', 'yes', 'CONFIG_INVALID', /verify-full/],
  ['SSLMODE', 'verify-ca', 'CONFIG_MISSING', /SSLROOTCERT/],
  ['SSLROOTCERT', '/nowhere/ca.crt', 'CONFIG_INVALID', /nowhere/],
  ['CLEARTEXT_PASSWORD', 'yes', 'CONFIG_INVALID', /allow/],
])('%s=%s is rejected', (name, value, code, message) => {
  expect(() => sourceOf({ ...parts, [`SOURCE_DB_${name}`]: value })).toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(message) }),
  )
})

it('a connection is open by choice only where its handle says so', () => {
  expect(isPlainByChoice('postgres://u@db/n')).toBe(false)
  expect(isPlainByChoice('postgres://u@db/n?sslmode=disable')).toBe(true)
  expect(isPlainByChoice({ host: 'db' })).toBe(false)
  expect(isPlainByChoice({ host: 'db', ssl: false })).toBe(true)
  expect(isPlainByChoice(sourceOf({ ...url, SOURCE_DB_SSLMODE: 'disable' }))).toBe(true)
})
