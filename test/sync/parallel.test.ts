import { expect, it } from 'vitest'

import type { SyncReport } from '../../lib/domain/report.js'
import type { SyncOptions } from '../../lib/options.js'
import { differences, openEmptySync, openSync, type SyncFixture } from '../fixtures/sync-fixture.js'
import { cases } from '../setup/share.js'
import { chatwootSize } from '../setup/templates.js'

/** Small batches, so that a demo has enough of them for four ranges a connection. */
const parallel = { parallel: 4, batchSize: 5 } satisfies Partial<SyncOptions>

/** Connections of runs that a server has now, by what they were opened for. */
async function connections({ source }: SyncFixture): Promise<number> {
  const [row] = await source.query<{ count: number }>(
    `select count(*)::integer
     from pg_stat_activity
     where datname = current_database() and application_name = 'chatwoot-sync'`,
  )
  return row?.count ?? 0
}

const codesOf = ({ warnings }: SyncReport) => warnings.map(({ code }) => code)

const ways: readonly (readonly [string, Partial<SyncOptions>])[] = [
  ['by COPY', {}],
  ['through a cursor', { extractor: 'cursor' }],
  ['with a transform', { transform: (row) => row }],
]

it.each(cases(ways.slice(0, 1), ways))(
  'loads everything over four connections under one snapshot, %s',
  async (_, given) => {
    await using at = await openSync()
    let most = 0
    let asking: Promise<unknown> = Promise.resolve()
    const onProgress = () => {
      asking = asking.then(async () => (most = Math.max(most, await connections(at))))
    }

    const report = await at.sync({ ...parallel, ...given, onProgress })
    await asking

    expect(report).toMatchObject({ loadType: 'full', rowsInserted: chatwootSize })
    expect(codesOf(report)).not.toContain('PARALLEL_REDUCED')
    expect(most).toBe(4)
    expect(await differences(at)).toEqual([])
    expect(await at.sync({ ...parallel, ...given })).toMatchObject({
      loadType: 'incremental',
      rowsInserted: 0,
    })
  },
)

it('finds nothing to write in a full load of what is there, and soft-deletes what is gone', async () => {
  await using at = await openSync()
  await at.sync()
  await at.source.query('delete from conversations where id in (7, 70)')
  const report = await at.sync({ ...parallel, loadType: 'full' })
  expect(report).toMatchObject({ rowsInserted: 0, rowsUpdated: 0, rowsDeleted: 2 })
  expect(report.rowsUnchanged).toBe(chatwootSize - 2)
  expect(await differences(at)).toEqual([])
})

it('counts what a run would do in a dry run, and writes nothing', async () => {
  await using at = await openSync()
  const report = await at.sync({ ...parallel, dryRun: true })
  expect(report).toMatchObject({ dryRun: true, rowsInserted: chatwootSize, rowsExtracted: chatwootSize })
  expect(await at.target.query('select from conversas_analytics union all select from etl_control')).toEqual(
    [],
  )
})

it.each(cases([3], [0, 1, 3]))('loads a source of %s conversations', async (rows) => {
  await using at = await openSync()
  await at.source.query('delete from conversations where id > $1', [rows])
  const report = await at.sync({ parallel: 4, batchSize: 1 })
  expect(report.rowsInserted).toBe(rows)
  expect(codesOf(report)).not.toContain('PARALLEL_REDUCED')
  expect(await differences(at)).toEqual([])
})

it('says why a load took one connection where the key is a text', async () => {
  await using at = await openEmptySync()
  const columns = 'id text primary key, changed_at timestamp not null'
  await at.source.query(`create table notes (${columns})`)
  await at.source.query(`insert into notes select 'n' || n, '2026-01-01' from generate_series(1, 40) n`)
  await at.target.query(`create table notes (${columns})`)
  const relation = { name: 'notes', key: 'id', changedAt: 'changed_at' }

  const report = await at.sync({ ...parallel, relation, table: 'notes' })

  expect(report).toMatchObject({ rowsInserted: 40, warnings: [{ code: 'PARALLEL_REDUCED' }] })
  expect(report.warnings[0]?.message).toBe(
    'Loaded over 1 connection to each side instead of 4: the key id is no whole number on both sides, so that it cannot be cut into ranges.',
  )
})

/** Numbers in the source, whatever its keys are, and an empty table for them. */
async function openNumbers(type: string, keys: string): Promise<SyncFixture> {
  const at = await openEmptySync()
  await at.source.query(`create table numbers (id ${type}, body text, changed_at timestamp not null)`)
  await at.source.query(`insert into numbers select id, 'body ' || id, '2026-01-01' from ${keys} id`)
  await at.target.query(
    `create table numbers (id ${type} primary key, body text, changed_at timestamp, deleted_at timestamptz)`,
  )
  return at
}

const relation = { name: 'numbers', key: 'id', changedAt: 'changed_at' }
const numbers = { parallel: 4, batchSize: 5, relation, table: 'numbers' } satisfies Partial<SyncOptions>

const held = ({ target }: SyncFixture) =>
  target.query<{ rows: number }>('select count(*)::integer as rows from numbers where deleted_at is null')

const types = [
  ['smallint', 'generate_series(-32768, -32668)', 101],
  ['integer', 'unnest(array[-2147483648, -7, 0, 2147483647] || array(select generate_series(1, 60)))', 64],
  ['bigint', 'generate_series(9223372036854775707, 9223372036854775807)', 101],
] as const

it.each(cases(types.slice(1, 2), types))(
  'cuts keys of the type %s into ranges, wherever they begin and end',
  async (type, keys, count) => {
    await using at = await openNumbers(type, keys)
    const report = await at.sync(numbers)
    expect(report).toMatchObject({ rowsInserted: count, warnings: [] })
    expect(await held(at)).toEqual([{ rows: count }])
    expect(await at.sync({ ...numbers, loadType: 'full' })).toMatchObject({ rowsUnchanged: count })
  },
)

it.each([
  ['a row without a key', 'null', 'KEY_IS_NULL'],
  ['two rows of one key', '31', 'KEY_NOT_UNIQUE'],
])('fails for %s as over one connection', async (_, key, code) => {
  await using at = await openNumbers('integer', 'generate_series(1, 60)')
  await at.source.query(`insert into numbers values (${key}, 'nobody', '2026-01-01')`)
  await expect(at.sync(numbers)).rejects.toMatchObject({ code })
  await expect(at.sync(numbers)).rejects.toMatchObject({ code })
  await at.source.query(`delete from numbers where body = 'nobody'`)
  expect(await at.sync(numbers)).toMatchObject({ loadType: 'full' })
  expect(await held(at)).toEqual([{ rows: 60 }])
})

it('quarantines the rows of all ranges that the target rejects, and tries them again', async () => {
  await using at = await openNumbers('integer', 'generate_series(1, 100)')
  await at.target.query('alter table numbers add check (id % 10 <> 3)')
  const report = await at.sync(numbers)
  expect(report).toMatchObject({ rowsInserted: 90, rowsRejected: 10 })
  expect(report.warnings).toMatchObject([
    { code: 'ROWS_REJECTED', message: expect.stringContaining('10 rows') },
  ])
  const rejects = await at.target.query('select row_key, attempts from etl_rejects order by row_key::integer')
  expect(rejects).toMatchObject(Array.from({ length: 10 }, (_, n) => ({ row_key: `${n * 10 + 3}` })))
  await at.target.query('alter table numbers drop constraint numbers_id_check')
  expect(await at.sync({ ...numbers, loadType: 'full' })).toMatchObject({ rowsInserted: 10, rowsRejected: 0 })
  expect(await at.target.query('select from etl_rejects')).toEqual([])
})

it('counts what the target rejects in all ranges together against maxRejects', async () => {
  await using at = await openNumbers('integer', 'generate_series(1, 100)')
  await at.target.query('alter table numbers add check (id % 10 <> 3)')
  await expect(at.sync({ ...numbers, maxRejects: 9 })).rejects.toMatchObject({ code: 'TOO_MANY_REJECTS' })
  expect(await at.sync({ ...numbers, maxRejects: 10 })).toMatchObject({ status: 'success' })
})

it('loads rows that take a unique value over from a row in another range', async () => {
  await using at = await openNumbers('integer', 'generate_series(1, 60)')
  await at.target.query('alter table numbers add unique (body)')
  await at.sync(numbers)
  await at.source.query(`update numbers set body = 'body ' || (61 - id)`)
  const report = await at.sync({ ...numbers, loadType: 'full', retryBudget: 60_000 })
  expect(report).toMatchObject({ rowsRejected: 0 })
  expect(await at.target.query(`select from numbers where body <> 'body ' || (61 - id)`)).toEqual([])
})

it('does not soft-delete more than a share of the rows, nor believe an empty source', async () => {
  await using at = await openNumbers('integer', 'generate_series(1, 100)')
  await at.sync(numbers)
  await at.source.query('delete from numbers where id > 70')
  const full = { ...numbers, loadType: 'full' } as const
  await expect(at.sync(full)).rejects.toMatchObject({ code: 'TOO_MANY_DELETES' })
  expect(await at.sync({ ...full, maxDeleteShare: 0.5 })).toMatchObject({ rowsDeleted: 30 })
  await at.source.query('truncate numbers')
  await expect(at.sync(full)).rejects.toMatchObject({ code: 'SOURCE_EMPTY' })
})
