import { SyncError } from './domain/errors.js'
import { probePipeline } from './operations/watch/probe-pipeline.js'
import { openTimetable, type Timing } from './operations/watch/timetable.js'
import { watchRuns, type RunOutcome, type WatchSummary } from './operations/watch/watch-runs.js'
import { resolveOptions, type SyncOptions } from './options.js'
import { syncConversations } from './sync.js'

export interface WatchOptions extends Omit<SyncOptions, 'dryRun'>, Timing {
  /**
   * Milliseconds from one look at the source's open transactions to the next, between runs; 0 for none. It lets runs read less again
   * where the source has long transactions. (Default: a fifth of `every`, 10 000 at least; with `cron` 300 000.)
   */
  readonly probeEvery?: number | undefined
  /** Called after each run and awaited; an error thrown here ends the watch. (Default: nothing; the logger is told anyway.) */
  readonly onRun?: ((outcome: RunOutcome) => void | Promise<void>) | undefined
  /** Called with the time of the next run. */
  readonly onWait?: ((next: Date) => void) | undefined
}

/**
 * Calls `syncConversations` again and again, by `cron` or `every`, until `signal` fires, and gives how often it ran. Runs never overlap;
 * when another process is at one, a time is skipped; after a failure it tries again in a minute or less, then later each time, up to a
 * quarter of an hour. A run that is at work when the signal fires is closed as failed with ABORTED, and the next one goes on.
 *
 * Rejects only with CONFIG_INVALID or CONFIG_MISSING, and with what `onRun` throws. (Default of `triggeredBy`: scheduler.)
 *
 * @example await watch({ source, target, cron: '0 3 * * *', cronTimeZone: 'America/Sao_Paulo', signal })
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
  throw new SyncError('CONFIG_INVALID', `probeEvery is ${given}.`, { remedy: 'Give milliseconds, or 0.' })
}
