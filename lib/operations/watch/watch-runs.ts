import { setTimeout as wait } from 'node:timers/promises'

import { errorCodes, SyncError } from '../../domain/errors.js'
import type { Logger } from '../../domain/logger.js'
import type { SyncReport } from '../../domain/report.js'
import type { ProbeResult } from './probe-pipeline.js'
import type { Timetable } from './timetable.js'

/** The outcome of one run: its report, or its error. */
export type RunOutcome =
  | { readonly report: SyncReport; readonly error?: undefined }
  | { readonly error: unknown; readonly report?: undefined }

/** How often `watch` ran until it was stopped. */
export interface WatchSummary {
  /** All runs, failed and skipped ones included. */
  readonly runs: number
  readonly failed: number
  /** Runs that failed with LOCKED, because another process was running the pipeline. */
  readonly skipped: number
}

export interface WatchWork {
  readonly timetable: Timetable
  readonly run: () => Promise<SyncReport>
  readonly probe: () => Promise<ProbeResult>
  /** Milliseconds from one probe to the next; 0 for none. */
  readonly probeEvery: number
  readonly onRun: (outcome: RunOutcome) => void | Promise<void>
  readonly onWait: (next: Date) => void
  readonly signal: AbortSignal | undefined
  readonly logger: Logger | undefined
}

/**
 * Runs at the times of the timetable until the signal fires, one run at a time. Rejects with what `onRun` throws, and with an error about the
 * options, which every later run would repeat.
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
  work.logger?.info('Watch ended', summary)
  return summary
}

async function runOnce(run: WatchWork['run']): Promise<RunOutcome> {
  try {
    return { report: await run() }
  } catch (error) {
    if (error instanceof SyncError && errorCodes[error.code] === 'usage') throw error
    return { error: error ?? new Error('A value that is not an error was thrown.') }
  }
}

function isSkipped({ error }: RunOutcome): boolean {
  return error instanceof SyncError && error.code === 'LOCKED'
}

/** Whether to run now: true at the time, or earlier where a probe finds the clock set back; false when it was stopped. Probes meanwhile. */
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
    if (await isClockSetBack(work)) return true
    probeDue = Date.now() + probeEvery
  }
  return !signal?.aborted
}

/** Milliseconds: a timer of days would not notice that the clock was set or that the host was suspended. */
const longestWait = 30_000

/** Probes the source. A probe that fails does no harm: the next run reports what is wrong. */
async function isClockSetBack({ probe, logger, signal }: WatchWork): Promise<boolean> {
  try {
    return (await probe()) === 'clock-set-back'
  } catch (error) {
    const code = error instanceof SyncError ? error.code : 'INTERNAL'
    if (!signal?.aborted) logger?.warn('The source could not be probed between runs', { code })
    return false
  }
}
