import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { verifyConversations } from '../../lib/index.js'
import type { SyncOptions } from '../../lib/options.js'
import { keyText, randomTable, valueSql, type RandomTable } from '../fixtures/random-tables.js'
import { withKysely } from '../fixtures/rejects-fixture.js'
import { openEmptySync, readTexts, type SyncFixture } from '../fixtures/sync-fixture.js'
import { ownTypes } from '../fixtures/type-samples.js'
import { share } from '../setup/share.js'

let at: SyncFixture
let tables = 0

beforeAll(async () => {
  at = await openEmptySync()
  for (const { query } of [at.source, at.target]) await query(ownTypes)
})

afterAll(() => at[Symbol.asyncDispose]())

const names = ({ columns }: RandomTable) => columns.map((_, index) => `c${index}`)

async function create(table: string, drawn: RandomTable): Promise<void> {
  const { key, columns, rows } = drawn
  const defined = (side: 'from' | 'to') =>
    columns.map((column, index) => `c${index} ${column[side]}`).join(', ')
  await at.source.query(`create table ${table} (id ${key} primary key, at timestamp, ${defined('from')})`)
  await at.target.query(
    `create table ${table} (id ${key} primary key, at timestamp, deleted_at timestamptz, ${defined('to')})`,
  )
  const values = Array.from({ length: rows }, (_, row) => {
    const cells = columns.map(({ from, values }) => valueSql(values[row] ?? null, from))
    return `('${keyText(key, row)}'::${key}, '2026-01-01'::timestamp, ${cells.join(', ')})`
  })
  await at.source.query(`insert into ${table} values ${values.join(', ')}`)
}

function run(drawn: RandomTable, options: Partial<SyncOptions>) {
  switch (drawn.road) {
    case 'copy':
      return at.sync(options)
    case 'cursor':
      return at.sync({ ...options, extractor: 'cursor' })
    case 'transform':
      return at.sync({ ...options, transform: (row) => ({ ...row }) })
    case 'kysely':
      return withKysely(at.source.url, (source) =>
        withKysely(at.target.url, (target) => at.sync({ ...options, source, target })),
      )
  }
}

async function set(settings: readonly string[]): Promise<void> {
  for (const { query } of [at.source, at.target]) {
    const [database] = await query<{ name: string }>('select current_database() as name')
    const alter = `alter database "${database?.name ?? ''}"`
    await query([`${alter} reset all`, ...settings.map((setting) => `${alter} set ${setting}`)].join('; '))
  }
}

/** Cells that arrived in another text than the source has, of columns of one type; such as become NULL on purpose are left out. */
async function differing(table: string, drawn: RandomTable): Promise<string[]> {
  const same = drawn.columns.flatMap(({ from, to }, index) =>
    from === to ? [{ from, name: `c${index}` }] : [],
  )
  const cells = ['id::text', ...same.map(({ name }) => name)].join(', ')
  const stored = new Map(
    (await readTexts(at.target, `select ${cells} from ${table} where deleted_at is null`)).map((row) => [
      row[0],
      row,
    ]),
  )
  const given = await readTexts(at.source, `select ${cells} from ${table}`)
  return given.flatMap((row) => {
    const kept = stored.get(row[0])
    if (!kept) return []
    return same.flatMap(({ from, name }, index) => {
      const [here, there] = [row[index + 1], kept[index + 1]]
      const isCleaned = there === null && /^-?(NaN|Infinity|infinity)$/.test(here ?? '')
      return here === there || isCleaned ? [] : [`${name} ${from}: ${here} | ${there}`]
    })
  })
}

async function play(drawn: RandomTable): Promise<void> {
  tables += 1
  const table = `random_${tables}`
  const options = { relation: { name: table, key: 'id', changedAt: 'at' }, table, pipeline: table }
  await set([])
  await create(table, drawn)
  await set(drawn.settings)
  try {
    const report = await run(drawn, { ...options, maxRejects: 1000 })
    expect(await differing(table, drawn)).toEqual([])
    const { rowsInserted, rowsRejected } = report
    expect(rowsInserted + rowsRejected).toBe(drawn.rows)
    await compareAndRepair(drawn, table, rowsRejected)
  } catch (error) {
    // No value of the one type could arrive in the other.
    if (Reflect.get(Object(error), 'code') !== 'COLUMN_TYPE_MISMATCH') throw error
    expect(await readTexts(at.target, `select from ${table}`)).toEqual([])
  }
  await at.source.query(`drop table ${table}`)
  await at.target.query(`drop table ${table}`)
}

/** Both sides are equal but for the rejected rows; a row that loses its values is found and repaired. */
async function compareAndRepair(drawn: RandomTable, table: string, rejected: number): Promise<void> {
  const options = { relation: { name: table, key: 'id', changedAt: 'at' }, table, pipeline: table }
  const verify = (repair: boolean) =>
    verifyConversations({ source: at.source.url, target: at.target.url, ...options, repair })
  const equal = { rowsMissing: 0, rowsStale: 0, rowsExtra: 0, rowsRejected: rejected }
  expect(await verify(false)).toMatchObject(equal)
  const nulls = names(drawn).map((name) => `${name} = null`)
  const damaged = await at.target.query(
    `update ${table} set ${nulls.join(', ')} where num_nonnulls(${names(drawn).join(', ')}) > 0 returning 1`,
  )
  expect(await verify(true)).toMatchObject({ rowsStale: damaged.length, rowsRepaired: damaged.length })
  expect(await verify(false)).toMatchObject(equal)
  expect(await differing(table, drawn)).toEqual([])
}

/** 50 in `npm test`, 200 in CI, 5,000 each night. */
const numRuns = Number(process.env['TEST_TABLES'] ?? share(5, 200))

it(
  'random tables arrive as they are, or their rows are rejected, whatever the settings of both databases',
  { timeout: 240_000 + numRuns * 5000 },
  async () => {
    const seed = Number(process.env['TEST_SEED'] ?? 20261126)
    await fc.assert(fc.asyncProperty(randomTable, play), { numRuns, seed, endOnFailure: true })
  },
)
