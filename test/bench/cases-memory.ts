import type { Bench, Group } from './bench.js'
import { median, requireCounts } from './contest.js'
import { contentOf, createPair, requireEqual } from './database.js'
import { fat, namesOf, narrow, openTable, type TablePair } from './data-tables.js'
import { atMost, within } from './findings.js'
import { empty, fullRun } from './loading.js'
import { startWorker } from './worker.js'
import type { SyncOptions } from '../../lib/index.js'

const mebibyte = 1024 * 1024
const repeatAtMost = 3

/** The most memory that a process which does one load ever has, Node itself among it. */
export const memory: Group = {
  name: 'memory',
  shows:
    'peak memory of our process: wide rows, ten times as many narrow ones, 200 rows of 5 MB; by COPY, by cursor, with a transform',
  run: async (bench) => {
    await using pair = await createPair(bench.source, bench.target, 'memory')
    const wide = await bench.wide()
    const many = await openTable(pair, narrow(bench.rows * 10))
    const large = await openTable(pair, fat(200, Math.min(5e6, bench.rows * 50)))
    const peak = (table: TablePair, way: Way = 'copy') => peakOf(bench, table, way)
    const widePeak = await peak(wide)
    const manyName = `peak memory, ${many.data.rows} rows of ${many.bytesPerRow} bytes`
    return {
      costs: [],
      findings: [
        within(`peak memory, ${wide.data.rows} rows of ${wide.bytesPerRow} bytes`, widePeak, 160, 'MB'),
        atMost(manyName, await peak(many), 1.15, { of: 'that', value: widePeak }, 'MB'),
        within(`peak memory, 200 rows of ${large.bytesPerRow} bytes`, await peak(large), 256, 'MB'),
        within('wide rows by a cursor', await peak(wide, 'cursor'), 160, 'MB'),
        within('wide rows with a transform', await peak(wide, 'transform'), 160, 'MB'),
        within('large rows by a cursor', await peak(large, 'cursor'), 256, 'MB'),
      ],
    }
  },
}

/** A transform sees rows by a cursor. */
type Way = NonNullable<SyncOptions['extractor']> | 'transform'

/** In MB of 2^20 bytes, the median of some processes. */
async function peakOf(bench: Bench, table: TablePair, way: Way): Promise<number> {
  const { data, source, target } = table
  const name = `memory_${data.name}`
  const peaks: number[] = []
  for (let round = 0; round < Math.min(bench.repeat, repeatAtMost); round += 1) {
    await empty.prepare(table, name)
    await target.query('delete from etl_control where pipeline = $1', [name])
    await using worker = await startWorker()
    const ends = { source: source.url, target: target.url }
    const extractor = way === 'copy' ? 'copy' : 'cursor'
    const done = await worker.sync({ ...fullRun(ends, table, name), extractor }, way === 'transform')
    requireCounts(name, done, { rowsExtracted: data.rows, rowsInserted: data.rows })
    requireEqual(name, await contentOf(target, namesOf(data), name), table.content)
    const megabytes = done.peakBytes / mebibyte
    bench.log(`  ${data.name} by ${way}: ${megabytes.toFixed(0)} MB, ${done.milliseconds.toFixed(0)} ms`)
    peaks.push(megabytes)
  }
  return median(peaks)
}
