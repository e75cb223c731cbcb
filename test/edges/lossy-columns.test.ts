import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { verifyConversations } from '../../lib/index.js'
import type { SyncOptions } from '../../lib/options.js'
import { openEmptySync, readTexts, type SyncFixture } from '../fixtures/sync-fixture.js'
import { withKysely } from '../fixtures/rejects-fixture.js'

/** A pair of types, a value that the target's column would change without a word, and one that it holds. */
type Pair = readonly [from: string, to: string, changes: string, passes: string, stored?: string]

const pairs: readonly Pair[] = [
  ['bigint', 'double precision', '9007199254740993', '9007199254740992', '9007199254740992'],
  ['bigint', 'real', '16777217', '16777216', '16777216'],
  ['integer', 'real', '123456790', '123456792', '123456790'],
  ['numeric', 'double precision', '0.12345678901234567890', '0.10', '0.1'],
  ['numeric', 'real', '16777217', '0.5'],
  ['double precision', 'real', '0.30000000000000004', '0.1'],
  ['numeric', 'numeric(10,2)', '1.005', '1.5', '1.50'],
  ['numeric(9,3)', 'numeric(9,2)', '1.005', '1.500', '1.50'],
  ['double precision', 'numeric(10,2)', '0.125', '0.5', '0.50'],
  ['integer', 'numeric(6,-2)', '1234', '1200'],
  ['numeric', 'numeric(6,-2)', '1234.5', '1200'],
  ['text', 'numeric(10,2)', '1.005', '1.5', '1.50'],
  ['text', 'double precision', '9007199254740993', '0.10', '0.1'],
  ['timestamp', 'timestamp(0)', '2026-01-01 10:00:00.6', '2026-01-01 10:00:00'],
  ['timestamptz', 'timestamptz(3)', '2026-01-01 10:00:00.123456+00', '2026-01-01 10:00:00.123+00'],
  [
    'timestamptz',
    'timestamp(0)',
    '2026-01-01 10:00:00.6+00',
    '2026-01-01 10:00:00+00',
    '2026-01-01 10:00:00',
  ],
  ['timestamp', 'date', '2026-01-01 10:00:00', '2026-01-01 00:00:00', '2026-01-01'],
  ['timestamptz', 'date', '2026-01-01 00:00:00-03', '2026-01-01 00:00:00+00', '2026-01-01'],
  ['text', 'date', '2026-01-01 10:00', '2026-01-01'],
  ['text', 'timestamp', '2026-01-01 10:00:00-03', '2026-01-01 10:00:00'],
  ['time', 'time(0)', '10:00:00.654321', '10:00:00'],
  ['timetz', 'time', '10:00:00+05', '10:00:00+00', '10:00:00'],
  ['timetz', 'timetz(0)', '10:00:00.6+05', '10:00:00+05'],
  ['text', 'time', '2026-01-01 10:00:00', '10:00:00'],
  ['interval', 'interval(0)', '1 day 02:03:04.567891', '1 day 02:03:04'],
  ['interval', 'interval year to month', '1 mon 5 days', '1 mon'],
  ['text', 'char(4)', 'ab ', 'ab', 'ab  '],
  ['text', 'name', 'x'.repeat(70), 'x'],
  ['text', '"char"', 'xy', 'x'],
  ['numeric', 'money', '1.005', '1.5', '$1.50'],
  ['integer', 'oid', '-1', '7'],
  ['bigint[]', 'double precision[]', '{1,9007199254740993}', '{1,2}'],
  ['numeric[]', 'numeric(10,2)[]', '{1.005}', '{1.5,NULL}', '{1.50,NULL}'],
  ['timestamp[]', 'timestamp(0)[]', '{"2026-01-01 10:00:00.6"}', '{"2026-01-01 10:00:00",NULL}'],
  [
    'tsrange',
    'daterange',
    '["2026-01-01 10:00:00","2026-02-01 00:00:00")',
    '["2026-01-01 00:00:00","2026-02-01 00:00:00")',
    '[2026-01-01,2026-02-01)',
  ],
  ['numrange', 'int4range', '[1,3]', '[1,3)'],
  // Order, spaces and escapes are how it is written, not what it says.
  ['json', 'jsonb', '{"a":1, "a":2}', '{"b" : -1.50, "a":[{"\\u0063":"\\"k\\": {"}, {"c":1e2}]}'],
  ['text', 'jsonb', '[{"a":{"x":1,"\\u0078":1}}]', '[{"a":{"x":"\\\\"},"x":2}]'],
  ['json[]', 'jsonb[]', '{"{\\"a\\":1,\\"a\\":1}"}', '{"{\\"a\\":1}",NULL}'],
]

const names = pairs.map((_, index) => `c${index}`)
const relation = { name: 'given', key: 'id', changedAt: 'at' }
let at: SyncFixture

/** Row 0 holds what passes in each column; row n has in column n - 1 what would change. */
beforeAll(async () => {
  at = await openEmptySync()
  const columns = pairs.map(([from], index) => `c${index} ${from}`)
  await at.source.query(`create table given (id integer primary key, at timestamp, ${columns.join(', ')})`)
  const literal = (text: string, type: string) => `'${text}'::${type}`
  for (let row = 0; row <= pairs.length; row += 1) {
    const values = pairs.map(([from, , changes, passes], index) =>
      literal(index === row - 1 ? changes : passes, from),
    )
    await at.source.query(`insert into given values (${row}, '2026-01-01', ${values.join(', ')})`)
  }
})

afterAll(() => at[Symbol.asyncDispose]())

async function tableOf(table: string): Promise<Pick<SyncOptions, 'relation' | 'table' | 'pipeline'>> {
  const columns = pairs.map(([, to], index) => `c${index} ${to}`)
  await at.target.query(
    `create table ${table} (id integer primary key, at timestamp, ${columns.join(', ')}, deleted_at timestamptz)`,
  )
  return { relation, table, pipeline: table }
}

const rejectsOf = async (pipeline: string) =>
  (
    await at.target.query<{ row_key: string; column_name: string; sql_state: string }>(
      'select row_key, column_name, sql_state from etl_rejects where pipeline = $1 order by row_key::integer',
      [pipeline],
    )
  ).map((row) => `${row.row_key} ${row.column_name} ${row.sql_state}`)

const expectedRejects = names.map((name, index) => `${index + 1} ${name} 22000`)

const roads: readonly [string, (options: Partial<SyncOptions>) => Promise<unknown>][] = [
  ['a pool of pg', (options) => at.sync(options)],
  ['a cursor', (options) => at.sync({ ...options, extractor: 'cursor', keepRejected: true })],
  ['a transform', (options) => at.sync({ ...options, transform: (row) => ({ ...row }) })],
  [
    'Kysely',
    (options) =>
      withKysely(at.source.url, (source) =>
        withKysely(at.target.url, (target) => at.sync({ ...options, source, target })),
      ),
  ],
]

describe.each(roads)('by %s', (road, run) => {
  const table = `by_${road.replaceAll(/\W/g, '_').toLowerCase()}`

  it('rejects the rows whose value would change, names the column, and loads the others', async () => {
    const options = await tableOf(table)
    const report = await run(options)
    expect(report).toMatchObject({
      rowsExtracted: pairs.length + 1,
      rowsInserted: 1,
      rowsRejected: pairs.length,
      warnings: expect.arrayContaining([
        { code: 'COLUMNS_LOSSY', message: expect.stringContaining('c0 (bigint into double precision)') },
      ]),
    })
    expect(await rejectsOf(table)).toEqual(expectedRejects)
    const [stored] = await readTexts(at.target, `select ${names.join(', ')} from ${table}`)
    const wanted = await readTexts(
      at.target,
      `select ${pairs.map(([, to, , passes, kept]) => `'${kept ?? passes}'::${to}`).join(', ')}`,
    )
    expect(stored).toEqual(wanted[0])
  })

  it('verify agrees with the load, also after a cell was damaged', async () => {
    if (road === 'a transform') return
    const options = { source: at.source.url, target: at.target.url, relation, table, pipeline: table }
    const counts = { rowsMissing: 0, rowsStale: 0, rowsExtra: 0, rowsRejected: pairs.length }
    expect(await verifyConversations(options)).toMatchObject(counts)
    await at.target.query(`update ${table} set c0 = 5`)
    expect(await verifyConversations(options)).toMatchObject({ ...counts, rowsStale: 1 })
    const repaired = { ...counts, rowsRepaired: 1 }
    expect(await verifyConversations({ ...options, repair: true })).toMatchObject({
      ...repaired,
      rowsStale: 1,
    })
    expect(await verifyConversations(options)).toMatchObject(counts)
  })
})

it('counts them in a dry run', async () => {
  const options = await tableOf('counted')
  expect(await at.sync({ ...options, dryRun: true })).toMatchObject({
    rowsInserted: 1,
    rowsRejected: pairs.length,
  })
})

it('takes them as they come with allowLossy, without a warning, and finds them equal', async () => {
  const options = await tableOf('taken')
  const some = { ...options, allowLossy: ['c0', 'c1'] }
  expect(await at.sync(some)).toMatchObject({ rowsInserted: 3, rowsRejected: pairs.length - 2 })
  const all = { ...options, allowLossy: true } as const
  const report = await at.sync(all)
  expect(report).toMatchObject({ loadType: 'full', rowsRejected: 0, warnings: [] })
  expect(await rejectsOf('taken')).toEqual([])
  const found = await verifyConversations({ source: at.source.url, target: at.target.url, ...all })
  expect(found).toMatchObject({ rowsCompared: pairs.length + 1, rowsMissing: 0, rowsStale: 0 })
  const strict = await verifyConversations({ source: at.source.url, target: at.target.url, ...options })
  expect(strict.rowsStale).toBe(pairs.length)
})

it('names a column of allowLossy that is not loaded', async () => {
  const options = await tableOf('misnamed')
  await expect(at.sync({ ...options, allowLossy: ['c99'] })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    details: { columns: ['c99'] },
  })
})

it.each([
  ['boolean', 'integer'],
  ['timestamp', 'time'],
  ['uuid', 'bigint'],
  ['integer[]', 'integer'],
  ['daterange', 'date'],
  ['time', 'timestamp'],
])('does not begin to read %s for %s, which can hold none of it', async (from, to) => {
  const name = `none_${from.replaceAll(/\W/g, '_')}_${to}`
  await at.source.query(`create table ${name} (id integer, at timestamp, v ${from})`)
  await at.target.query(`create table ${name} (id integer primary key, at timestamp, v ${to})`)
  const options = { relation: { ...relation, name }, table: name, pipeline: name }
  const [type] = await at.source.query(`select format_type('${from}'::regtype, null) as name`)
  await expect(at.sync(options)).rejects.toMatchObject({
    code: 'COLUMN_TYPE_MISMATCH',
    message: expect.stringMatching(/^Column v is .* in the source and .* in the target/),
    details: { column: 'v', sourceType: type?.['name'] },
  })
})

it('verify sets rejected rows apart that it could not even cast, and finds those that are gone', async () => {
  await at.source.query(`
    create table texts (id integer primary key, at timestamp, v text);
    insert into texts values (1, '2026-01-01', '1'), (2, '2026-01-01', '2'), (3, '2026-01-01', '3')`)
  await at.target.query(
    'create table texts (id integer primary key, at timestamp, v date, deleted_at timestamptz)',
  )
  await at.source.query(`update texts set v = '2026-01-0' || v`)
  const options = { relation: { ...relation, name: 'texts' }, table: 'texts', pipeline: 'texts' }
  expect(await at.sync(options)).toMatchObject({ rowsInserted: 3 })
  await at.source.query(`update texts set v = 'none', at = now() at time zone 'UTC' where id < 3`)
  const both = { source: at.source.url, target: at.target.url, ...options }
  await expect(verifyConversations(both)).rejects.toMatchObject({
    code: 'SOURCE_FAILED',
    remedy: expect.stringContaining('Run sync'),
  })
  expect(await at.sync(options)).toMatchObject({ rowsRejected: 2 })
  const counts = { rowsMissing: 0, rowsStale: 0, rowsExtra: 0 }
  expect(await verifyConversations(both)).toMatchObject({ ...counts, rowsRejected: 2, rowsCompared: 3 })
  await at.source.query('delete from texts where id = 1')
  expect(await verifyConversations({ ...both, repair: true, maxDeleteShare: 1 })).toMatchObject({
    ...{ rowsExtra: 1, rowsRepaired: 1, rowsRejected: 1 },
  })
  expect(await rejectsOf('texts')).toEqual(['2 v 22007'])
})

it('rejects a text that fits only without its spaces, and keeps another one as it is', async () => {
  await at.source.query(`
    create table padded (id integer primary key, at timestamp, v text);
    insert into padded values (1, '2026-01-01', 'ab '), (2, '2026-01-01', 'ab  '), (3, '2026-01-01', 'abcd')`)
  await at.target.query('create table padded (id integer primary key, at timestamp, v varchar(3))')
  const options = { relation: { ...relation, name: 'padded' }, table: 'padded', pipeline: 'padded' }
  expect(await at.sync(options)).toMatchObject({ rowsInserted: 1, rowsRejected: 2 })
  expect(await rejectsOf('padded')).toEqual(['2 v 22001', '3 v 22001'])
  expect(await at.target.query('select id, v from padded')).toEqual([{ id: 1, v: 'ab ' }])
})
