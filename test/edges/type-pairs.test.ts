import { afterAll, beforeAll, expect, it } from 'vitest'

import { SyncError, verifyConversations } from '../../lib/index.js'
import { openEmptySync, type SyncFixture } from '../fixtures/sync-fixture.js'
import { literal, ownTypes, typeSamples } from '../fixtures/type-samples.js'

let at: SyncFixture

beforeAll(async () => {
  at = await openEmptySync()
  for (const { query } of [at.source, at.target]) await query(ownTypes)
})

afterAll(() => at[Symbol.asyncDispose]())

interface Cell {
  readonly from: string
  readonly value: string
}

const cells: readonly Cell[] = typeSamples.flatMap(([from, ...values]) =>
  values.map((value) => ({ from, value })),
)

/** One row for each value, in a column of its type: a row that is rejected takes no other value with it. */
async function createTables(table: string, into: string, types: readonly string[]): Promise<void> {
  const columns = (of: (type: string) => string) =>
    types.map((type, index) => `c${index} ${of(type)}`).join(', ')
  const key = 'id integer primary key, at timestamp'
  await at.source.query(`create table ${table} (${key}, ${columns((type) => type)})`)
  await at.target.query(`create table ${table} (${key}, ${columns(() => into)})`)
  const inserts = cells.flatMap(({ from, value }, id) => {
    const index = types.indexOf(from)
    if (index < 0) return []
    return [
      `insert into ${table} (id, at, c${index}) values (${id}, '2026-01-01', ${literal(value)}::${from})`,
    ]
  })
  await at.source.query(inserts.join(';\n'))
}

/** The types that this one may come from, by the columns that a refusal names. */
async function loadWhatFits(table: string, into: string) {
  let types = typeSamples.map(([type]) => type)
  for (;;) {
    await createTables(table, into, types)
    const relation = { name: table, key: 'id', changedAt: 'at' }
    const options = { relation, table, pipeline: table, maxRejects: 100_000 }
    try {
      return { types, options, report: await at.sync(options) }
    } catch (error) {
      if (!(error instanceof SyncError) || error.code !== 'COLUMN_TYPE_MISMATCH') throw error
      const named = new Set(JSON.stringify([error.message, error.details]).match(/\bc\d+\b/g))
      expect(named.size, error.message).toBeGreaterThan(0)
      types = types.filter((_, index) => !named.has(`c${index}`))
      for (const { query } of [at.source, at.target]) await query(`drop table ${table}`)
    }
  }
}

/** Each of so many types in CI, all of them each night. */
const step = Number(process.env['TEST_PAIRS_STEP'] ?? 6)
const targets = typeSamples.map(([type]) => type).filter((_, index) => index % step === 0)

it.each(targets)('what of every other type arrives as %s is what verify finds equal', async (into) => {
  const table = `pairs_${typeSamples.findIndex(([type]) => type === into)}`
  const { report, options, types } = await loadWhatFits(table, into)
  expect(types).toContain(into)
  const compared = await verifyConversations({
    source: at.source.url,
    target: at.target.url,
    ...{ relation: options.relation, table, pipeline: table },
  })
  const { rowsRejected } = report
  const different = Object.keys(compared.differingColumns ?? {}).map((name) => types[Number(name.slice(1))])
  expect(different).toEqual([])
  expect(compared).toMatchObject({ rowsStale: 0, rowsMissing: 0, rowsExtra: 0, rowsRejected })
  expect(await at.sync({ ...options, loadType: 'full' })).toMatchObject({ rowsInserted: 0, rowsUpdated: 0 })
  for (const { query } of [at.source, at.target]) await query(`drop table ${table}`)
})
