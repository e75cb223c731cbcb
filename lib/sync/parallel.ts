import { randomUUID } from 'node:crypto'

import { throwIfAborted } from '../domain/abort.js'
import { cutRange, keyBefore, pickBorders, rangesAfter, type KeyRange } from '../domain/key-ranges.js'
import type { Warning } from '../domain/report.js'
import { rangesIn, withRanges } from '../pipeline/prepare/state.js'
import { hashKeyIn } from '../pipeline/prepare/snapshot.js'
import { everyKey } from '../pipeline/read/queries.js'
import type { LoadContext } from '../pipeline/write/load-context.js'
import { recordProgress } from '../postgres/control/runs.js'
import { guardColumns } from '../postgres/driver/catalog.js'
import { canCollapse, isCountable, keyColumnOf } from '../postgres/target/load-plan.js'
import type { ColumnType } from '../postgres/driver/types/column-type.js'
import { loadRange } from './load-range.js'
import { openRanges, rangeRecorder, type OpenRanges } from './open-ranges.js'
import { renewSnapshot } from './renew-snapshot.js'
import { newThrottle, scopeOf, snapshotTime } from './rows.js'
import { handleOf, toRunRow, type Run } from './run.js'
import { openWorkers, type MoreWorkers, type Worker } from './workers.js'

/** What such a load needs of its run. */
export type ParallelLoad = Pick<
  Run,
  'source' | 'target' | 'attempts' | 'options' | 'baseline' | 'facts' | 'tally' | 'resumeAfter'
>

/** Ranges for each connection: with more than one, those that are done early take from the others. Each would compute a view anew. */
const rangesPerConnection = { chatwoot: 4, custom: 1 } as const

/** Rows between two keys that the source returns, of which the borders of the ranges are chosen. */
const rowsPerKey = 1000

/**
 * Loads the rows of a full load over several connections, each with ranges of the key of its own, under one snapshot of the source; once that
 * is too old, all continue under the next one. Each batch is committed with the key that its range has reached, so that a run that is
 * killed resumes each of them, also with another number of connections. False where it can't be done or is of no use, and nothing was
 * loaded.
 */
export async function loadInParallel(
  run: ParallelLoad,
  context: LoadContext,
  onLoaded: () => void,
): Promise<boolean> {
  const { options, tally, resumeAfter, facts } = run
  const known = resumeAfter === null ? undefined : rangesIn(facts.state(tally.feedsTook))
  if (options.parallel === 1 && !known) return false
  const obstacle = obstacleOf(run)
  if (obstacle !== undefined) {
    tally.warnings.push(reduced(1, options.parallel, obstacle))
    return false
  }
  const left = known
    ? rangesAfter(known.list, resumeAfter)
    : [{ after: null, to: null, reached: resumeAfter }]
  const cut = left.length < options.parallel ? await cutAll(run, left) : left
  if (cut.length === 1 && !known) return false
  const ranges = openRanges(cut)
  const count = Math.min(options.parallel, cut.length)
  await using workers = await openWorkers(run.baseline.plan, count - 1, {
    ...options,
    hashKey: hashKeyIn(options),
  })
  using _ = cutWhenAborted(options.signal, workers)
  const { executionId } = run.attempts
  const connections = workers.all.length + 1
  options.logger?.info('Loading in parallel', { executionId, connections, ranges: cut.length })
  await loadAll(run, context, { ranges, workers, onLoaded })
  const used = workers.all.length + 1
  if (used < count) tally.warnings.push(reduced(used, options.parallel, workers.missing ?? ''))
  return true
}

function reduced(used: number, wanted: number, reason: string): Warning {
  const message = `Loaded over ${used} ${used === 1 ? 'connection' : 'connections'} to each side instead of ${wanted}: ${reason}`
  return { code: 'PARALLEL_REDUCED', message }
}

/** Why the rows cannot be loaded in ranges. */
function obstacleOf({
  baseline,
  facts,
  options,
  tally,
}: Pick<Run, 'baseline' | 'facts' | 'options' | 'tally'>) {
  const { load } = baseline.plan
  if (!isCountable(load) || canCollapse(load) || leastOf(keyInSource(baseline)) === undefined)
    return `the key ${load.key} is no whole number on both sides, so that it cannot be cut into ranges.`
  if (facts.state(tally.feedsTook) === null && !options.dryRun)
    return 'the source does not say how far it is, so that the load could not be resumed.'
  return undefined
}

function keyInSource({ plan: { custom, load } }: Pick<Run['baseline'], 'plan'>): ColumnType | undefined {
  return custom
    ? custom.relation.columns.find(({ name }) => name === load.key)?.definition
    : keyColumnOf(load).definition
}

/** The least number of a type of whole numbers. */
const leastOf = (type: ColumnType | undefined) =>
  type && { smallint: -(2n ** 15n), integer: -(2n ** 31n), bigint: -(2n ** 63n) }[String(type.kind)]

/** What is left, in so many parts that all connections have something to do. */
async function cutAll(
  run: Pick<Run, 'source' | 'baseline' | 'options'>,
  left: readonly KeyRange[],
): Promise<readonly KeyRange[]> {
  const { options, baseline, source } = run
  const each = rangesPerConnection[baseline.plan.custom ? 'custom' : 'chatwoot']
  const most = Math.ceil((options.parallel * each) / left.length)
  const every = Math.min(options.batchSize, rowsPerKey)
  const parts: KeyRange[] = []
  for (const range of left) {
    throwIfAborted(options.signal)
    const [first, ...keys] = await everyKey(source, scopeOf(run), range, every)
    const count = Math.min(most, Math.floor((keys.length * every) / options.batchSize))
    const isNew = range.after === null && range.reached === null
    // So that what the other connections have committed can be resumed before the first range has reached a key.
    const after = isNew && first ? keyBefore(first, leastOf(keyInSource(baseline)) ?? 0n) : range.after
    parts.push(...cutRange({ ...range, after }, count < 2 ? [] : pickBorders(keys, count - 1)))
  }
  return parts
}

interface Work {
  readonly ranges: OpenRanges
  readonly workers: MoreWorkers
  readonly onLoaded: () => void
}

/** One snapshot after the other. */
async function loadAll(
  run: ParallelLoad,
  context: LoadContext,
  { ranges, workers, onLoaded }: Work,
): Promise<void> {
  const { options, attempts, tally, baseline } = run
  const { load } = baseline.plan
  const token = randomUUID()
  const guard = guardColumns({ ...load.table, columns: load.columns })
  const throttle = newThrottle(options)
  const { maxRowsPerSecond: limit } = options
  if (!options.dryRun) {
    const row = toRunRow(run, ranges.resumeKey())
    const state = withRanges(row.state, { token, list: ranges.list() })
    guard.check(await recordProgress(run.target, handleOf(run), { ...row, state }, guard.query))
  }
  const record = rangeRecorder({ executionId: attempts.executionId, token }, ranges, guard)
  const onCommitted = (isRecorded: boolean) => {
    attempts.hasProgressed ||= isRecorded
    onLoaded()
  }
  while (true) {
    if (!(await workers.share(run.source))) await renewSnapshot(run)
    const until = performance.now() + snapshotTime(run)
    const all = [{ source: run.source, target: run.target }, ...workers.all]
    // What may be read in one second, all workers read together.
    const own = { ...options, maxRowsPerSecond: limit && limit / all.length }
    await untilFirstFailure(all, workers, async (worker, stop) => {
      const loader = { worker, until, record, throttle, onCommitted, run: { baseline, tally, options: own } }
      for (let range = ranges.take(); range && !stop.aborted; range = ranges.take()) {
        const isLoaded = await loadRange(loader, context, range, stop)
        if (!isLoaded) {
          ranges.giveBack(range)
          return
        }
        if (performance.now() >= until) return
      }
    })
    if (ranges.areLoaded()) return
    await renewSnapshot(run)
  }
}

/**
 * All at once. After the first failure the other workers are cut, and the run's own connections stop after their batch; what was committed
 * stays, and the next attempt resumes after it.
 */
async function untilFirstFailure(
  all: readonly Worker[],
  workers: MoreWorkers,
  work: (worker: Worker, stop: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController()
  await Promise.allSettled(
    all.map(async (worker) => {
      try {
        await work(worker, stop.signal)
      } catch (error) {
        if (stop.signal.aborted) return
        stop.abort(error)
        workers.destroy(error)
      }
    }),
  )
  if (stop.signal.aborted) throw stop.signal.reason
}

/** A run that is stopped commits nothing more. */
function cutWhenAborted(signal: AbortSignal | undefined, workers: MoreWorkers): Disposable {
  const cut = () => workers.destroy(signal?.reason)
  signal?.addEventListener('abort', cut, { once: true })
  return { [Symbol.dispose]: () => signal?.removeEventListener('abort', cut) }
}
