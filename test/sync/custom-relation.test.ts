import { expect, it } from 'vitest'

import type { SyncOptions } from '../../lib/options.js'
import { openEmptySync, readTexts, type SyncFixture } from '../fixtures/sync-fixture.js'

const relation = { name: 'analytics."My view"', key: 'Key', changedAt: 'Changed at' }
const table = '"My schema"."My table"'

/** A source relation and a target table with names that need quotes; columns as SQL writes them, rows as `values` does. */
async function openCustom(columns: string, rows: string, more: { from?: string; to?: string } = {}) {
  const fixture = await openEmptySync()
  const { source, target } = fixture
  await source.query(`
    create schema analytics;
    create table analytics.kept ("Key" integer, "Changed at" timestamptz, ${more.from ?? columns});
    insert into analytics.kept values ${rows};
    create view analytics."My view" as select * from analytics.kept`)
  await target.query(`
    create schema "My schema";
    create table ${table} ("Key" integer unique, ${columns}, ${more.to ?? ''} "Changed at" timestamptz, deleted_at timestamptz)`)
  return fixture
}

const run = (at: SyncFixture, options: Partial<SyncOptions> = {}) => at.sync({ relation, table, ...options })

const now = `clock_timestamp()`

it('reads a view with quoted names, whole at first and then by its change column', async () => {
  await using at = await openCustom(
    '"A ""b""" text',
    `(2, '2026-01-01 12:00:00.123456+03', 'x'), (1, '2026-01-01', null)`,
  )
  expect(await run(at)).toMatchObject({ loadType: 'full', rowsInserted: 2, warnings: [] })
  const content = `select "Key", "A ""b""", "Changed at" from ${table} order by 1`
  expect(await readTexts(at.target, content)).toEqual([
    ['1', null, '2026-01-01 00:00:00+00'],
    ['2', 'x', '2026-01-01 09:00:00.123456+00'],
  ])
  await at.source.query(`update analytics.kept set "A ""b""" = 'y', "Changed at" = ${now} where "Key" = 1`)
  await at.source.query(`insert into analytics.kept values (3, ${now}, 'new')`)

  expect(await run(at, { skewAllowance: 0 })).toMatchObject({
    loadType: 'incremental',
    rowsExtracted: 2,
    rowsInserted: 1,
    rowsUpdated: 1,
  })

  await at.source.query('delete from analytics.kept where "Key" = 3')
  expect(await run(at, { loadType: 'full', maxDeleteShare: 0.5 })).toMatchObject({ rowsDeleted: 1 })
})

it.each(['timestamp', 'date', 'timestamp(0)'])('goes by a change column of type %s', async (type) => {
  await using at = await openCustom('v text', `(1, '2026-01-01', 'a'), (2, '2026-01-01', 'b')`)
  await at.source.query(`
    drop view analytics."My view";
    alter table analytics.kept alter column "Changed at" type ${type};
    create view analytics."My view" as select * from analytics.kept`)
  await at.target.query(`alter table ${table} alter column "Changed at" type ${type}`)
  await run(at)
  await at.source.query(
    `update analytics.kept set v = 'c', "Changed at" = ${now} at time zone 'UTC' where "Key" = 2`,
  )
  expect(await run(at)).toMatchObject({
    loadType: 'incremental',
    rowsExtracted: 1,
    rowsUpdated: 1,
    warnings: [],
  })
})

it('reads rows without a stamp in every run', async () => {
  await using at = await openCustom('v text', `(1, null, 'a'), (2, '2026-01-01', 'b')`)
  await run(at)
  await at.source.query(`update analytics.kept set v = 'changed'`)
  expect(await run(at)).toMatchObject({ loadType: 'incremental', rowsExtracted: 1, rowsUpdated: 1 })
  expect(await at.target.query(`select v from ${table} order by "Key"`)).toEqual([
    { v: 'changed' },
    { v: 'b' },
  ])
})

const readings = [
  { batchSize: 1, extractor: 'copy' },
  { batchSize: 2, extractor: 'copy' },
  { batchSize: 5000, extractor: 'copy' },
  { batchSize: 1, extractor: 'cursor' },
  { batchSize: 5000, extractor: 'cursor' },
] as const

it.each(readings)('holds equal rows of one key once (%j)', async (reading) => {
  await using at = await openCustom(
    'v text',
    `(1, null, 'a'), (2, null, 'b'), (2, null, 'b'), (2, null, 'b'), (3, null, null)`,
  )
  expect(await run(at, reading)).toMatchObject({ rowsExtracted: 5, rowsInserted: 3, rowsUnchanged: 2 })
  expect(await run(at, { ...reading, loadType: 'full' })).toMatchObject({ rowsUnchanged: 5, rowsDeleted: 0 })
})

it.each(readings)('refuses different rows of one key, also when it is tried again (%j)', async (reading) => {
  await using at = await openCustom(
    'v text',
    `(1, null, 'a'), (2, null, 'secret'), (2, null, 'other'), (3, null, 'c')`,
  )
  for (let i = 0; i < 2; i++) {
    const refused = expect(run(at, reading)).rejects
    await refused.toMatchObject({ code: 'KEY_NOT_UNIQUE', message: expect.stringMatching(/key 2\./) })
  }
  const [row] = await at.target.query('select c::text as whole from etl_control c limit 1')
  expect(row?.['whole']).not.toContain('secret')
})

it.each(readings)('refuses a key that is NULL, also when it is tried again (%j)', async (reading) => {
  await using at = await openCustom('v text', `(1, null, 'a'), (null, null, 'b')`)
  for (let i = 0; i < 2; i++) await expect(run(at, reading)).rejects.toMatchObject({ code: 'KEY_IS_NULL' })
})

it('goes on after the last batch with a key of text', async () => {
  const rows = Array.from({ length: 40 }, (_, i) => `(${i}, null, 'k-${i * 7919}"\\ ç')`).join(', ')
  await using at = await openCustom('id text', rows)
  await at.target.query(`create unique index on ${table} (id)`)
  await at.source.query('create view by_text as select id, "Changed at" as at from analytics.kept')
  const byText = { relation: { name: 'by_text', key: 'id', changedAt: 'at' }, batchSize: 8 }
  const stop = new AbortController()
  const onProgress = ({ rowsExtracted }: { rowsExtracted: number }) => rowsExtracted > 16 && stop.abort()
  await expect(run(at, { ...byText, signal: stop.signal, onProgress })).rejects.toMatchObject({
    code: 'ABORTED',
  })

  expect((await run(at, byText)).reason).toContain('resumes the full load')

  const ids = 'select id from analytics.kept order by id collate "C"'
  const stored = `select id from ${table} order by id collate "C"`
  expect(await at.target.query(stored)).toEqual(await at.source.query(ids))
  await at.source.query(`delete from analytics.kept where "Key" < 3`)
  expect(await run(at, { ...byText, loadType: 'full' })).toMatchObject({ rowsDeleted: 3 })
})

it('writes a row whose bytes differ though its values are equal, and no other', async () => {
  await using at = await openCustom('n numeric, d double precision', '(1, null, 1, 0), (2, null, 2, 1)')
  await run(at)
  await at.source.query(`update analytics.kept set n = 1.0, d = '-0' where "Key" = 1`)
  expect(await run(at)).toMatchObject({ rowsUpdated: 1, rowsUnchanged: 1 })
  expect(await at.target.query(`select n::text, d::text from ${table} where "Key" = 1`)).toEqual([
    { n: '1.0', d: '-0' },
  ])
})

it('warns of columns that the target does not have, and leaves target columns of its own alone', async () => {
  const more = { from: 'v text, extra text, "Extra 2" text', to: `mine text default 'kept',` }
  await using at = await openCustom('v text', `(1, null, 'a', 'b', 'c')`, more)
  const { warnings } = await run(at)
  expect(warnings).toEqual([{ code: 'COLUMNS_IGNORED', message: expect.stringContaining('extra, Extra 2') }])
  expect(await at.target.query(`select v, mine from ${table}`)).toEqual([{ v: 'a', mine: 'kept' }])
})

it('reads only the accounts and inboxes that it is told', async () => {
  const columns = 'account_id bigint, inbox_id integer'
  await using at = await openCustom(columns, '(1, null, 1, 1), (2, null, 2, 1), (3, null, 1, 2)')
  expect(await run(at, { accounts: [1], inboxes: [1, 3] })).toMatchObject({ rowsExtracted: 1 })
  expect(await at.target.query(`select "Key" from ${table}`)).toEqual([{ Key: 1 }])
})

it.each([
  [{ relation: { ...relation, name: 'nowhere' } }, 'RELATION_MISSING', 'nowhere'],
  [{ relation: { ...relation, name: 'a b; drop' } }, 'RELATION_MISSING|CONFIG_INVALID', 'a b; drop'],
  [{ relation: { ...relation, key: 'key' } }, 'COLUMN_MISSING', 'key'],
  [{ relation: { ...relation, changedAt: 'when' } }, 'COLUMN_MISSING', 'when'],
  [{ relation: { ...relation, changedAt: 'v' } }, 'COLUMN_TYPE_MISMATCH', 'v'],
  [{ relation: { ...relation, key: 'v' } }, 'TARGET_COLUMN_MISSING', 'unique index on v'],
  [{ accounts: [1] }, 'COLUMN_MISSING', 'account_id'],
  [{ table: 'nowhere' }, 'TARGET_NOT_MIGRATED', 'nowhere'],
] as const)('refuses %j with %s', async (options, code, part) => {
  await using at = await openCustom('v text', `(1, null, 'a')`)
  await expect(run(at, options)).rejects.toMatchObject({
    code: expect.stringMatching(code),
    message: expect.stringContaining(part),
  })
  expect(await at.target.query(`select from ${table}`)).toEqual([])
})

it('tells that a column may not be read', async () => {
  await using at = await openCustom('v text', `(1, null, 'a')`)
  const role = `reader_${at.source.name}`
  await at.source.query(`
    create role ${role} login password 'x';
    grant usage on schema analytics to ${role};
    grant select ("Changed at", v) on analytics."My view" to ${role}`)
  const url = Object.assign(new URL(at.source.url), { username: role, password: 'x' })
  await expect(run(at, { source: url.href })).rejects.toMatchObject({ code: 'SOURCE_FORBIDDEN' })
  await at.source.query(`drop owned by ${role}; drop role ${role}`)
})
