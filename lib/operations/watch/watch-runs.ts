import { setTimeout as wait } from 'node:timers/promises'

import { errorCodes, SyncError } from '../../domain/errors.js'
import type { Logger } from '../../domain/logger.js'
import type { SyncReport } from '../../domain/report.js'
import type { Probed } from './probe-pipeline.js'
import type { Timetable } from './timetable.js'

/** What became of one run: its report, or the error. */
export type RunOutcome =
  | { readonly report: SyncReport; readonly error?: undefined }
  | { readonly error: unknown; readonly report?: undefined }

/** How often it ran, when it was stopped. */
export interface WatchSummary {
  readonly runs: number
  readonly failed: number
  /** Times at which another process was running the pipeline. */
  readonly skipped: number
}

export interface WatchWork {
  readonly timetable: Timetable
  readonly run: () => Promise<SyncReport>
  readonly probe: () => Promise<Probed>
  /** Milliseconds from one probe to the next; 0 for none. */
  readonly probeEvery: number
  readonly onRun: (outcome: RunOutcome) => void | Promise<void>
  readonly onWait: (next: Date) => void
  readonly signal: AbortSignal | undefined
  readonly logger: Logger
}

/**
 * Runs at the times of the timetable until the signal fires, one run at a time; a run that takes longer delays the next one. After a
 * failure it tries again, later each time. Rejects with what `onRun` throws, and with a run's error that a later one would repeat.
 */
export async function watchRuns(work: WatchWork): Promise<WatchSummary> {
  const { timetable, signal } = work
  const summary = { runs: 0, failed: 0, skipped: 0 }
  let failures = 0
  let due = timetable.first(Date.now())
  while (await waitUntil(due, work)) {
    const began = Date.now()
    const outcome = await runOnce(work.run)
    if (signal?.aborted && outcome.error) break
    summary.runs += 1
    if (isSkipped(outcome)) summary.skipped += 1
    else if (outcome.error) summary.failed += 1
    failures = outcome.error && !isSkipped(outcome) ? failures + 1 : 0
    await work.onRun(outcome)
    due = timetable.next(began, Date.now(), failures)
  }
  work.logger.info('Watch ended', summary)
  return summary
}

async function runOnce(run: WatchWork['run']): Promise<RunOutcome> {
  try {
    return { report: await run() }
  } catch (error) {
    if (error instanceof SyncError && errorCodes[error.code] === 'usage') throw error
    return { error: error ?? new Error('something that is not an error was thrown') }
  }
}

function isSkipped({ error }: RunOutcome): boolean {
  return error instanceof SyncError && error.code === 'LOCKED'
}

/** Probes while it waits; false when it was stopped. */
async function waitUntil(due: number, work: WatchWork): Promise<boolean> {
  const { probeEvery, onWait, signal } = work
  if (signal?.aborted) return false
  if (due > Date.now()) onWait(new Date(due))
  let probeDue = probeEvery > 0 ? Date.now() + probeEvery : Infinity
  while (due > Date.now()) {
    try {
      await wait(Math.max(0, Math.min(due, probeDue, Date.now() + longestWait) - Date.now()), undefined, {
        ...(signal ? { signal } : {}),
      })
    } catch {
      return false
    }
    if (Date.now() < probeDue || due <= Date.now()) continue
    if (await probeSays(work, 'clock-set-back')) return true
    probeDue = Date.now() + probeEvery
  }
  return !signal?.aborted
}

/** Milliseconds: the clock may be set, or the host sleep, and a timer of days would not know. */
const longestWait = 30_000

/** A probe that fails is no harm: the run says what is wrong. */
async function probeSays({ probe, logger, signal }: WatchWork, what: Probed): Promise<boolean> {
  try {
    return (await probe()) === what
  } catch (error) {
    const code = error instanceof SyncError ? error.code : 'INTERNAL'
    if (!signal?.aborted) logger.warn('The source could not be probed between two runs', { code })
    return false
  }
}
