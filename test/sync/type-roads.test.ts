import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { verifyConversations } from '../../lib/index.js'
import type { SyncOptions } from '../../lib/options.js'
import { withKysely } from '../fixtures/rejects-fixture.js'
import { openEmptySync, readTexts, type SyncFixture } from '../fixtures/sync-fixture.js'
import { literal, ownTypes, typeSamples } from '../fixtures/type-samples.js'
import { share } from '../setup/share.js'

/** What COPY carries in binary; one column of another type, and all of a table goes by a cursor. */
const binary =
  /^(smallint|integer|bigint|numeric|real|double|boolean|text$|varchar|date$|time$|timestamp|interval|uuid|bytea$|json$|jsonb$|inet|cidr|(text|integer|bigint)\[\]$)/
const portable = typeSamples.filter(([type]) => binary.test(type))

type Samples = typeof typeSamples

let at: SyncFixture

beforeAll(async () => {
  at = await openEmptySync()
  for (const { query } of [at.source, at.target]) await query(ownTypes)
})

afterAll(() => at[Symbol.asyncDispose]())

const nameOf = (index: number) => `c${index}`

const sample = ([type, ...values]: Samples[number], place: number) =>
  `${literal(values[place % values.length] ?? '')}::${type}`

/** A table of its own with as many rows as columns; what is NaN or infinite becomes NULL on its way. */
async function createTables(table: string, types: Samples): Promise<void> {
  const columns = types.map(([type], index) => `${nameOf(index)} ${type}`).join(', ')
  await at.source.query(`create table ${table} (id integer primary key, at timestamp, ${columns})`)
  for (const row of types.keys()) {
    const values = types.map((each) => sample(each, row)).join(', ')
    await at.source.query(`insert into ${table} values (${row}, '2026-01-01', ${values})`)
  }
  await at.target.query(`create table ${table} (id integer primary key, at timestamp, ${columns})`)
}

const cleanedTexts = async (table: string, types: Samples) => {
  const cells = types.map(([type], index) => {
    const name = nameOf(index)
    if (/^(numeric|real|double|amount|checked_amount)[^[]*$/.test(type)) {
      return `case when ${name}::text !~ '^(NaN|-?Infinity)$' then ${name} end`
    }
    return /^(timestamp|date$)[^[]*$/.test(type) ? `case when isfinite(${name}) then ${name} end` : name
  })
  return readTexts(at.source, `select id, ${cells.join(', ')} from ${table} order by id`)
}

const storedTexts = (table: string, types: Samples) =>
  readTexts(
    at.target,
    `select id, ${types.map((_, index) => nameOf(index)).join(', ')} from ${table} order by id`,
  )

const roads: readonly [string, Samples, (options: Partial<SyncOptions>) => Promise<unknown>][] = [
  ['copy', portable, (options) => at.sync(options)],
  ['cursor', typeSamples, (options) => at.sync({ ...options, extractor: 'cursor' })],
  ['transform', typeSamples, (options) => at.sync({ ...options, transform: (row) => ({ ...row }) })],
  [
    'kysely',
    typeSamples,
    (options) =>
      withKysely(at.source.url, (source) =>
        withKysely(at.target.url, (target) => at.sync({ ...options, source, target })),
      ),
  ],
]

describe.each(share(roads.slice(0, 2), roads))('every type to itself by %s', (road, types, run) => {
  const table = `by_${road}`
  const options = { relation: { name: table, key: 'id', changedAt: 'at' }, table, pipeline: table }
  const verify = (repair = false) =>
    verifyConversations({ source: at.source.url, target: at.target.url, ...options, repair })
  const equal = { rowsMissing: 0, rowsStale: 0, rowsExtra: 0, rowsPending: 0, rowsRejected: 0 }

  it('arrives as it is, first and after a change', async () => {
    await createTables(table, types)
    expect(await run(options)).toMatchObject({ rowsInserted: types.length, rowsRejected: 0 })
    expect(await storedTexts(table, types)).toEqual(await cleanedTexts(table, types))
    for (const [index, each] of types.entries()) {
      const name = nameOf(index)
      await at.source.query(
        `update ${table} set ${name} = ${sample(each, index + 1)}, at = now() at time zone 'UTC' where id = ${index}`,
      )
    }
    expect(await run(options)).toMatchObject({ loadType: 'incremental', rowsRejected: 0 })
    expect(await storedTexts(table, types)).toEqual(await cleanedTexts(table, types))
    // So that a comparison does not wait for the next run.
    await at.source.query(`update ${table} set at = '2026-01-02'`)
    expect(await run({ ...options, loadType: 'full' })).toMatchObject({ rowsUpdated: types.length })
    expect(await run({ ...options, loadType: 'full' })).toMatchObject({ rowsUnchanged: types.length })
  })

  it('is found equal, and after one cell of each was damaged, in each of these', async () => {
    expect(await verify()).toMatchObject({ ...equal, rowsCompared: types.length })
    for (const [index, each] of types.entries()) {
      const name = nameOf(index)
      const [type, ...values] = each
      const other = values.length > 1 ? sample(each, 1) : `null::${type}`
      await at.target.query(`
        update ${table}
        set ${name} = case when ${name}::text is distinct from (${sample(each, 0)})::text then ${sample(each, 0)} else ${other} end
        where id = ${index}`)
    }
    const once = Object.fromEntries(types.map((_, index) => [nameOf(index), 1]))
    expect(await verify()).toMatchObject({ rowsStale: types.length, differingColumns: once })
    expect(await verify(true)).toMatchObject({ rowsRepaired: types.length })
    expect(await verify()).toMatchObject(equal)
    expect(await storedTexts(table, types)).toEqual(await cleanedTexts(table, types))
  })
})
