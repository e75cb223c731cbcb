import { SyncError } from './domain/errors.js'
import { probePipeline } from './operations/watch/probe-pipeline.js'
import { openTimetable, type Timing } from './operations/watch/timetable.js'
import { watchRuns, type RunOutcome, type WatchSummary } from './operations/watch/watch-runs.js'
import type { SyncOptions } from './options.js'
import { resolveOptions } from './resolve-options.js'
import { syncConversations } from './sync.js'

export interface WatchOptions extends Omit<SyncOptions, 'dryRun'>, Timing {
  /**
   * Milliseconds from one probe of the source's open transactions to the next, between runs; 0 for none. The more often, the less a run
   * reads again after a long transaction. (Default: a fifth of `every`, at least 10 000; with `cron` 300 000, as each costs a connection.)
   */
  readonly probeEvery?: number | undefined
  /** Called after each run and awaited; an error thrown here ends the watch. (Default: none; each run logs its outcome anyway.) */
  readonly onRun?: ((outcome: RunOutcome) => void | Promise<void>) | undefined
  /** Called with the time of the next run, before waiting for it. (Default: none.) */
  readonly onWait?: ((next: Date) => void) | undefined
}

/**
 * Calls `syncConversations` at the times of `cron` or at the interval `every` until `signal` fires, and returns how often it ran.
 *
 * Runs never overlap: a run that takes longer delays the next one, and a run that fails with LOCKED, because another process runs the
 * pipeline, counts as skipped. After a failure it tries again within about a minute, then after twice as long each time, up to about a
 * quarter of an hour. A run in progress when the signal fires is closed as failed with ABORTED; the next run continues from what it committed.
 *
 * Failed runs do not end it: `onRun` receives their errors. It rejects with CONFIG_INVALID or CONFIG_MISSING for options that cannot work,
 * and with what `onRun` throws. (Default of `triggeredBy`: scheduler.)
 *
 * @example
 * const stop = new AbortController()
 * process.once('SIGTERM', () => stop.abort())
 * const { runs, failed } = await watch({ source, target, every: 300_000, signal: stop.signal })
 */
export async function watch(options: WatchOptions): Promise<WatchSummary> {
  const { cron, every, cronTimeZone, jitter, probeEvery, onRun, onWait, ...run } = options
  const runOptions = { triggeredBy: 'scheduler', ...run, dryRun: false } as const
  const { signal, logger } = resolveOptions(runOptions)
  const timetable = await openTimetable({ cron, every, cronTimeZone, jitter })
  return watchRuns({
    timetable,
    run: () => syncConversations(runOptions),
    probe: () => probePipeline(runOptions),
    probeEvery: probeInterval(probeEvery, every),
    onRun: onRun ?? (() => undefined),
    onWait: onWait ?? (() => undefined),
    signal,
    logger,
  })
}

function probeInterval(given: number | undefined, every: number | undefined): number {
  if (given === undefined) return every === undefined ? 300_000 : Math.max(every / 5, 10_000)
  if (given >= 0 && Number.isFinite(given)) return given
  throw new SyncError('CONFIG_INVALID', `probeEvery is ${given}, which is not a duration.`, {
    remedy: 'Use a number of milliseconds, or 0 for no probes.',
  })
}
