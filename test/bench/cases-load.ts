import type { Bench, Group } from './bench.js'
import { compete, type Cost } from './contest.js'
import { foreignTable, limit, queryBuilder, rowByRow } from './rivals.js'
import { atLeastFaster, atMost, told, within } from './findings.js'
import { empty, equal, ourLoad, rivalLoad, tenthChanged, type Start } from './loading.js'

/** Wide rows into an empty table, by everything that there is. */
export const bulk: Group = {
  name: 'bulk',
  shows:
    'load of wide rows into an empty table: by COPY, by cursor, with a transform; L1, fdw, row by row, query builder',
  run: async (bench) => {
    const { worker, repeat, log } = bench
    const wide = await bench.wide()
    const rows = wide.data.rows
    const some = { rows: Math.ceil(rows / 20), builder: Math.ceil(rows / 5) }
    const costs = await compete(
      {
        limit: rivalLoad('L1', limit, wide, empty, 'bulk_limit'),
        ours: ourLoad(worker, wide, empty, 'bulk_copy'),
        fdw: rivalLoad('postgres_fdw', foreignTable, wide, empty, 'bulk_fdw'),
        cursor: ourLoad(worker, wide, empty, 'bulk_cursor', { extractor: 'cursor' }),
        transform: ourLoad(worker, wide, empty, 'bulk_transform', { transforms: true }),
        builder: rivalLoad(
          'values, 500 rows',
          queryBuilder(some.builder),
          wide,
          empty,
          'bulk_values',
          some.builder,
        ),
        rowByRow: rivalLoad('row by row', rowByRow(some.rows), wide, empty, 'bulk_rows', some.rows),
      },
      repeat,
      log,
    )
    const { limit: l1, ours, fdw, cursor, transform, builder } = costs
    return {
      costs: Object.values(costs),
      findings: [
        atMost('bulk load, empty table', ours.milliseconds, 1.15, of('L1', l1)),
        atLeastFaster('the same', ours.milliseconds, 1, of('postgres_fdw', fdw)),
        atMost('the same through pg-cursor', cursor.milliseconds, 1.6, of('L1', l1)),
        atMost('the same with a transform', transform.milliseconds, 3, of('L1', l1)),
        atLeastFaster('a row of it', perRow(ours), 12, { of: 'row by row', value: perRow(costs.rowByRow) }),
        told('a row of it, times faster than values', perRow(ours), 'ms', perRow(builder) / perRow(ours)),
      ],
    }
  },
}

/** The same load again. */
export const unchanged: Group = {
  name: 'unchanged',
  shows: 'the same load again, nothing changed: time, rows written, WAL',
  run: async (bench) => {
    const { limit: l1, ours, costs } = await again(bench, equal)
    const walPerRow = ours.walBytes / ours.rows
    return {
      costs,
      findings: [
        atMost('full load again, nothing changed', ours.milliseconds, 1.15, of('L1', l1)),
        // A run that says otherwise does not get here.
        within('rows written by it', 0, 0, 'rows'),
        { ...within('WAL of it', walPerRow, 1, 'bytes/row'), bar: '< 1 bytes/row', met: walPerRow < 1 },
      ],
    }
  },
}

/** A full read that finds a tenth of the rows changed. */
export const changed: Group = {
  name: 'changed',
  shows: 'full read, a tenth of the rows changed',
  run: async (bench) => {
    const { limit: l1, ours, costs } = await again(bench, tenthChanged)
    return {
      costs,
      findings: [atMost('full load, 10 % changed', ours.milliseconds, 1.3, of('L1', l1))],
    }
  },
}

async function again(bench: Bench, start: Start) {
  const { worker, repeat, log } = bench
  const wide = await bench.wide()
  const tables = { limit: 'again_limit', fdw: 'again_fdw', ours: 'again_ours' }
  const ends = { source: wide.source.url, target: wide.target.url }
  for (const table of Object.values(tables)) {
    await empty.prepare(wide, table)
    await limit(ends, wide.data, table)
  }
  const costs = await compete(
    {
      limit: rivalLoad('L1', limit, wide, start, tables.limit),
      ours: ourLoad(worker, wide, start, tables.ours),
      fdw: rivalLoad('postgres_fdw', foreignTable, wide, start, tables.fdw),
    },
    repeat,
    log,
  )
  return { limit: costs.limit, ours: costs.ours, costs: Object.values(costs) }
}

const perRow = ({ milliseconds, rows }: Cost) => milliseconds / rows

const of = (name: string, { milliseconds }: Cost) => ({ of: name, value: milliseconds })
