import type { Group } from './bench.js'
import { compete, spentOn, type Strategy } from './contest.js'
import { contentQuery, openDatabase, requireEqual } from './database.js'
import { namesOf, type TablePair } from './data-tables.js'
import { atMost } from './findings.js'
import { empty, fullRun } from './loading.js'
import { limit } from './rivals.js'
import type { Worker } from './worker.js'

const table = 'verified'

/** Comparing what is equal. */
export const verify: Group = {
  name: 'verify',
  shows: 'verify of equal wide rows against the time in which both servers hash their rows',
  run: async ({ wide: open, worker, repeat, log }) => {
    const wide = await open()
    await empty.prepare(wide, table)
    await limit({ source: wide.source.url, target: wide.target.url }, wide.data, table)
    await wide.target.query(`vacuum analyze ${table}`)
    const costs = await compete({ hashes: hashes(wide), ours: ourVerify(worker, wide) }, repeat, log)
    const base = { of: 'hashing', value: costs.hashes.milliseconds }
    return {
      costs: Object.values(costs),
      findings: [atMost(`verify of ${wide.data.rows} equal rows`, costs.ours.milliseconds, 1.5, base)],
    }
  },
}

/** Both servers hash all of their rows at the same time; nobody compares them by key. */
function hashes(pair: TablePair): Strategy {
  const names = namesOf(pair.data)
  const sums: string[] = []
  return {
    name: 'hash side by side',
    rows: pair.data.rows,
    pair,
    prepare: async () => undefined,
    run: (ends) =>
      spentOn(async () => {
        await using source = openDatabase(ends.source)
        await using target = openDatabase(ends.target)
        const rows = await Promise.all([
          source.query(contentQuery(names, pair.data.name)),
          target.query(contentQuery(names, table)),
        ])
        sums.splice(0, 2, ...rows.map(([row]) => String(row?.['content'])))
      }),
    check: async () => {
      for (const sum of sums) requireEqual('hash side by side', sum, pair.content)
    },
  }
}

function ourVerify(worker: Worker, pair: TablePair): Strategy {
  let found = ''
  return {
    name: 'ours: verify',
    rows: pair.data.rows,
    pair,
    prepare: async () => undefined,
    run: async (ends) => {
      const { loadType: _loadType, ...options } = fullRun(ends, pair, table)
      const { report, ...spent } = await worker.verify(options)
      const { rowsCompared, rowsMissing, rowsStale, rowsExtra, rowsPending } = report
      found = [rowsCompared, rowsMissing, rowsStale, rowsExtra, rowsPending].join(' ')
      return spent
    },
    check: async () => requireEqual('verify', found, `${pair.data.rows} 0 0 0 0`),
  }
}
