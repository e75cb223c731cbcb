import type { SyncOptions } from '../../lib/index.js'
import { requireCounts, spentOn, type Spent, type Strategy } from './contest.js'
import { contentOf, requireEqual, type Ends } from './database.js'
import { createTable, namesOf, type TablePair } from './data-tables.js'
import type { Rival } from './rivals.js'
import type { Worker } from './worker.js'

/** How a table of the target looks before a load. */
export interface Start {
  /** Brings it there, from empty or from equal to the source. */
  prepare(table: TablePair, name: string): Promise<unknown>
  /** What a run of ours has to count. */
  readonly counts: (rows: number) => Parameters<typeof requireCounts>[2]
}

export const empty: Start = {
  prepare: (table, name) => createTable(table.target, table.data, name),
  counts: (rows) => ({ rowsExtracted: rows, rowsInserted: rows, rowsUpdated: 0 }),
}

/** Equal to the source; the run before has left it so. */
export const equal: Start = {
  prepare: ({ target }, name) => target.query(`vacuum analyze ${name}`),
  counts: (rows) => ({ rowsExtracted: rows, rowsInserted: 0, rowsUpdated: 0 }),
}

/** A tenth of the rows differs. They are changed in the target, so that the source is the same in every round. */
export const tenthChanged: Start = {
  prepare: async ({ target }, name) => {
    await target.query(`update ${name} set i3 = -i3 - 1 where id % 10 = 0`)
    await target.query(`vacuum analyze ${name}`)
  },
  counts: (rows) => ({ rowsExtracted: rows, rowsInserted: 0, rowsUpdated: Math.floor(rows / 10) }),
}

type OurOptions = Pick<SyncOptions, 'extractor' | 'parallel'> & { readonly transforms?: boolean }

/** A full run of this package, into a table of that name, without a state. */
export function ourLoad(
  worker: Worker,
  pair: TablePair,
  start: Start,
  table: string,
  { transforms = false, ...options }: OurOptions = {},
): Strategy {
  const { rows } = pair.data
  const name = `ours: ${table}`
  return {
    name,
    rows,
    pair,
    prepare: async () => {
      await start.prepare(pair, table)
      await pair.target.query('delete from etl_control where pipeline = $1', [table])
    },
    run: (ends) => worker.sync({ ...fullRun(ends, pair, table), ...options }, transforms),
    check: async (spent) => {
      requireCounts(name, spent, start.counts(rows))
      await requireLoaded(pair, table)
    },
  }
}

/** Options of a run that reads everything. */
export function fullRun(ends: Ends, { data }: TablePair, table: string): SyncOptions {
  const relation = { name: data.name, key: 'id', changedAt: 'updated_at' }
  return { ...ends, relation, table, pipeline: table, loadType: 'full' }
}

/** Another way to load, the first `rows` of the table where it is too slow for all. */
export function rivalLoad(
  name: string,
  rival: Rival,
  pair: TablePair,
  start: Start,
  table: string,
  rows: number = pair.data.rows,
): Strategy {
  return {
    name,
    rows,
    pair,
    prepare: () => start.prepare(pair, table),
    run: (ends): Promise<Spent> => spentOn(() => rival(ends, pair.data, table)),
    check: () => requireLoaded(pair, table, rows),
  }
}

async function requireLoaded(pair: TablePair, table: string, rows = pair.data.rows): Promise<void> {
  const names = namesOf(pair.data)
  const isWhole = rows === pair.data.rows
  const expected = isWhole
    ? pair.content
    : await contentOf(pair.source, names, `${pair.data.name} where id <= ${rows}`)
  requireEqual(table, await contentOf(pair.target, names, table), expected)
}
