import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { expect, it } from 'vitest'

import { defaults, type SyncOptions } from '../../lib/options.js'
import { resolveOptions } from '../../lib/resolve-options.js'
import { syncConversations } from '../../lib/sync.js'

const given = { source: 'postgres://source', target: 'postgres://target' }

/** Options as a caller without types could give them. */
function resolve(options: object) {
  return resolveOptions({ ...given, ...options } satisfies SyncOptions)
}

it('fills in every default and freezes the result', () => {
  const resolved = resolve({})
  expect(resolved).toMatchObject({ ...defaults, ...given })
  expect(Object.isFrozen(resolved)).toBe(true)
})

it('takes an option that is undefined for one that is not given', () => {
  const names = Object.keys(defaults).map((name) => [name, undefined])
  expect(resolve(Object.fromEntries(names))).toMatchObject(defaults)
})

it('hands handles and hooks on as they are', async () => {
  const pool = new pg.Pool()
  const db = new Kysely<Record<string, never>>({ dialect: new PostgresDialect({ pool }) })
  const { signal } = new AbortController()
  const hooks = { transform: () => null, onProgress: () => undefined, signal }
  const resolved = resolve({ source: pool, target: db, ...hooks })
  expect(resolved.source).toBe(pool)
  expect(resolved.target).toBe(db)
  for (const [name, hook] of Object.entries(hooks)) expect(Reflect.get(resolved, name)).toBe(hook)
  await pool.end()
})

it.each(['source', 'target'])('names the %s that is missing', (side) => {
  expect(() => resolve({ [side]: undefined })).toThrow(
    expect.objectContaining({ code: 'CONFIG_MISSING', message: expect.stringContaining(side) }),
  )
})

it.each([
  ['batchSize', -1],
  ['batchSize', 0],
  ['batchSize', 1.5],
  ['batchSize', '50'],
  ['batchSize', Number.NaN],
  ['batchBytes', 1],
  ['skewAllowance', -1],
  ['statementTimeout', 2 ** 31],
  ['connectTimeout', Infinity],
  ['editWindow', -1],
  ['editScanEvery', '1d'],
  ['maxRejects', 0.5],
  ['maxDeleteShare', 1.1],
  ['maxDeleteShare', -0.1],
  ['loadType', 'partial'],
  ['triggeredBy', 'cron'],
  ['accounts', []],
  ['accounts', [0]],
  ['accounts', 7],
  ['inboxes', [1.5]],
  ['timeZone', ' '],
  ['table', ''],
  ['pipeline', ''],
  ['source', ''],
  ['source', 7],
  ['transform', 'x'],
  ['onProgress', {}],
  ['signal', {}],
  ['dryRun', 'yes'],
  ['relation', 'vw_mine'],
  ['relation', { name: 'vw_mine', key: 'id' }],
  ['relation', { name: 'vw_mine', key: 'id', changedAt: 'at', where: 'true' }],
  ['batchsize', 50],
])('refuses %s: %j and names it', (name, value) => {
  expect(() => resolve({ [name]: value })).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(name) }),
  )
})

it('tells all complaints at once, and none of the values', () => {
  const spoiled = { batchSize: 'geheim', dryRun: 'geheim', source: 17, unknown: 'geheim' }
  expect(() => resolve(spoiled)).toThrow(
    expect.objectContaining({
      message: expect.stringMatching(/batchSize.*dryRun|dryRun.*batchSize/),
      details: { complaints: expect.toSatisfy((complaints: string[]) => complaints.length === 4) },
    }),
  )
  expect(() => resolve(spoiled)).not.toThrow(/geheim/)
})

it('refuses wrong options before it connects', async () => {
  await expect(syncConversations({ ...given, batchSize: -1 })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
  })
})
