import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { unregisterLake, type LakeReport } from '../../lib/index.js'
import { askDuckDb } from '../fixtures/lake/duckdb-reader.js'
import { builtCommand } from '../setup/built-file.js'
import type { Bench, Group } from './bench.js'
import { median } from './contest.js'
import { contentOfParquet, csvToParquet, type Conversion } from './csv-to-parquet.js'
import { analyticsTable, fillAnalytics, isInMonths, monthsOfLake } from './data-lake.js'
import { createPair, requireEqual, type Database, type Pair } from './database.js'
import { atMost, told, within, type Finding } from './findings.js'
import { pairedRatio, runProcess, timeOf, type Run } from './whole-process.js'

/** A lake of all columns, by whole processes, beside the fastest way from the table to Parquet. */
export const lake: Group = {
  name: 'lake',
  shows:
    'a lake of the analytics table over 60 months: first, two months changed, nothing changed, a row of 64 MB; against copy to CSV and DuckDB to Parquet',
  run: async (bench) => {
    await using pair = await createPair(bench.source, bench.target, 'lake')
    await fillAnalytics(bench, pair)
    bench.log(`  lake: ${bench.rows} rows of ${monthsOfLake} months`)
    const folder = await mkdtemp(join(tmpdir(), 'chatwoot-sync-bench-'))
    try {
      return { costs: [], findings: await measureLake(bench, pair, folder) }
    } finally {
      await rm(folder, { recursive: true })
    }
  },
}

export async function measureLake(
  bench: Bench,
  pair: Pick<Pair, 'target'>,
  folder: string,
): Promise<Finding[]> {
  // The server writes into it.
  await chmod(folder, 0o777)
  const at = { ...bench, database: pair.target, folder, to: join(folder, 'lake') }
  return [
    ...(await firstLake(at)),
    ...(await changedMonths(at)),
    ...(await nothingChanged(at)),
    ...(await largeRow(at)),
  ]
}

interface Place extends Pick<Bench, 'rows' | 'repeat' | 'log'> {
  readonly database: Database
  readonly folder: string
  readonly to: string
}

interface LakeRun extends Run {
  readonly report: LakeReport
}

async function firstLake(at: Place): Promise<Finding[]> {
  const { database, to } = at
  const { ours, others } = await inTurns(at, 'first lake', async () => {
    await unregisterLake({ target: database.url, to })
    await rm(to, { recursive: true, force: true })
  })
  const [size] = await database.query<{ bytes: string }>(
    `select pg_table_size('${analyticsTable}')::text as bytes`,
  )
  const inTable = Number(size?.bytes)
  const bytes = ours.at(-1)?.report.bytesTotal ?? NaN
  const of = { of: 'heap and TOAST', value: inTable / 1e6 }
  return [
    paired(`first lake, ${at.rows} rows`, ours, 1.1, others),
    told('of these, copy to CSV', median(others.map(({ copyMilliseconds }) => copyMilliseconds)), 'ms'),
    within('peak memory of the process', median(ours.map(({ megabytes }) => megabytes)), 300, 'MB'),
    atMost('size of the lake', bytes / 1e6, 0.35, of, 'MB'),
    told('size of the one file of DuckDB', (others.at(-1)?.bytes ?? NaN) / 1e6, 'MB'),
  ]
}

/** One in the middle, and the last. */
const changing = [monthsOfLake / 2, monthsOfLake - 1]

async function changedMonths(at: Place): Promise<Finding[]> {
  const change = () =>
    at.database.query(`
      update ${analyticsTable}
      set status = (status + 1) % 3
      where conversation_id in (
        select conversation_id
        from ${analyticsTable}
        where ${isInMonths(changing)}
        order by hashint4(conversation_id)
        limit 200
      )`)
  const { ours, others } = await inTurns(at, '200 changed', change, isInMonths(changing))
  return [paired(`200 rows of 2 months of ${monthsOfLake} changed`, ours, 1.2, others)]
}

async function nothingChanged(at: Place): Promise<Finding[]> {
  const runs: Run[] = []
  const starts: Run[] = []
  for (let round = 1; round <= Math.max(at.repeat, 5); round += 1) {
    starts.push(await runProcess({ command: [process.execPath, builtCommand(), '--version'], variables: {} }))
    const run = await replicate(at)
    if (run.report.committed) throw new Error('A version was written although nothing has changed.')
    runs.push(run)
  }
  const more = median(
    runs.map(({ milliseconds }, round) => milliseconds - (starts[round]?.milliseconds ?? NaN)),
  )
  return [
    told('chatwoot-sync lake, nothing changed', timeOf(runs), 'ms'),
    within('of these, more than chatwoot-sync --version', more, 300, 'ms'),
  ]
}

const mebibyte = 1024 * 1024

async function largeRow(at: Place): Promise<Finding[]> {
  const { database, rows, to } = at
  const bytes = Math.min(64 * mebibyte, rows * 1000)
  await database.query(
    `update ${analyticsTable} set contact_name = repeat('"é,' || chr(10), $1::integer / 5) where conversation_id = 1`,
    [bytes],
  )
  const run = await replicate(at)
  const [wanted] = await database.query<{ digest: string }>(
    `select md5(contact_name) as digest from ${analyticsTable} where conversation_id = 1`,
  )
  const [found] = await askDuckDb(
    `select md5(contact_name) as digest from read_parquet('${to}/*/*.parquet') where conversation_id = 1 order by length(contact_name) desc limit 1`,
  )
  requireEqual('the large row', String(found?.['digest']), String(wanted?.digest))
  return [told(`peak memory with a row of ${(bytes / mebibyte).toFixed(0)} MB`, run.megabytes, 'MB')]
}

/** Rounds of a lake and of the other way, after the same beginning. `where` is SQL: what the other way reads. */
async function inTurns(at: Place, what: string, prepare: () => Promise<unknown>, where?: string) {
  const { database, folder, to, repeat, log } = at
  const ours: LakeRun[] = []
  const others: Conversion[] = []
  const files = { csv: join(folder, 'rows.csv'), parquet: join(folder, 'rows.parquet') }
  for (let round = 1; round <= repeat; round += 1) {
    await prepare()
    await database.query('checkpoint')
    const ways = [
      async () => void ours.push(await replicate(at)),
      async () => void others.push(await csvToParquet(database, files, where)),
    ]
    for (const way of round % 2 === 0 ? ways.reverse() : ways) await way()
    const [own, other] = [ours.at(-1), others.at(-1)]
    log(
      `  ${round}/${repeat} ${what}: ${own?.milliseconds.toFixed(0)} ms, ${own?.megabytes.toFixed(0)} MB; copy ${other?.copyMilliseconds.toFixed(0)} ms, with DuckDB ${other?.milliseconds.toFixed(0)} ms`,
    )
    if (where === undefined)
      requireEqual(
        what,
        await contentOfParquet(database, `${to}/*/*.parquet`),
        await contentOfParquet(database, files.parquet),
      )
    await rm(files.csv, { force: true })
  }
  return { ours, others }
}

/** The command as a schedule starts it. */
async function replicate({ database, to }: Pick<Place, 'database' | 'to'>): Promise<LakeRun> {
  const run = await runProcess({
    command: [process.execPath, builtCommand(), 'lake', '--to', to, '--json', '--no-log-file'],
    variables: { LOCAL_DATABASE_URL: database.url },
  })
  return { ...run, report: JSON.parse(run.output) }
}

function paired(name: string, ours: readonly Run[], times: number, others: readonly Conversion[]): Finding {
  const ratio = pairedRatio(ours, others)
  const bar = atMost(name, timeOf(ours), times, {
    of: 'copy to CSV and DuckDB to Parquet',
    value: timeOf(others),
  })
  return { ...bar, ratio, met: ratio <= times }
}
