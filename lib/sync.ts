import { SyncError } from './domain/errors.js'
import type { SyncReport } from './domain/report.js'
import { resolveOptions, type ResolvedOptions, type SyncOptions } from './options.js'
import { explained } from './pipeline/prepare/schema-change.js'
import { throwIfStopped } from './domain/abort.js'
import { clockOf } from './postgres/control/verification.js'
import { claimRun } from './sync/lock-run.js'
import { closeFailed, failureOf } from './sync/close-failed.js'
import { connectionsOf, cutWhenStopped, type Connections } from './sync/connections.js'
import { isWorthRetrying, newCourse, waitForTry, type Course } from './sync/attempts.js'
import { prepareRun } from './sync/prepare.js'
import { readChanges, rehearseChanges } from './sync/incremental.js'
import { readEverything, rehearseEverything } from './sync/full.js'
import { rehearsalReport } from './sync/dry-run.js'

/**
 * Brings the target's table to the content of the source, as of one snapshot of it, and gives the run's report, which is also the row
 * that `etl_control` holds.
 *
 * An incremental run reads what changed since the last good one, in one transaction on the target: after a failure everything is as
 * before. A full run reads everything, commits batch by batch, goes on where a killed one was, and marks what is gone. The first run is
 * full whatever was asked for, and so is one that cannot be sure of its state; the report says why.
 *
 * Nothing is lost that a change column shows, provided that stamps are late by no more than `skewAllowance`. What no column shows is
 * found by a full run. Rows that are equal are not written. One run of a pipeline at a time.
 *
 * What passes by itself, such as a server that restarts or a deadlock, does not fail the run for as long as `retryBudget` lasts: it
 * connects again, makes sure that nobody took over, and goes on from what it had committed, in the same row of `etl_control`.
 *
 * Throws a SyncError, whose code says what happened; the run's row is closed as failed with it. LOCKED and wrong options leave no row.
 *
 * @example
 * const report = await syncConversations({
 *   source: process.env.SOURCE_DATABASE_URL,
 *   target: process.env.LOCAL_DATABASE_URL,
 * })
 */
export async function syncConversations(options: SyncOptions): Promise<SyncReport> {
  const resolved = resolveOptions(options)
  const { logger } = resolved
  try {
    const report = await runUntilDone(resolved)
    logger.info('Run done', summaryOf(report))
    for (const { code, message } of report.warnings) logger.warn(message, { code })
    return report
  } catch (error) {
    const code = error instanceof SyncError ? error.code : 'INTERNAL'
    logger.error('Run failed', { code, reason: error instanceof Error ? error.message : null })
    throw error
  }
}

async function runUntilDone(options: ResolvedOptions): Promise<SyncReport> {
  throwIfStopped(options.signal)
  const course = newCourse()
  await using connections = connectionsOf(options)
  for (;;) {
    try {
      return await runOnce(connections, course, options)
    } catch (error) {
      const failure = failureOf(error, options)
      if (isWorthRetrying(course, failure, options)) continue
      await closeFailed(connections.target(), course, failure, options)
      throw failure
    }
  }
}

/** From the first statement to the last, or to the first failure. */
async function runOnce(
  connections: Connections,
  course: Course,
  options: ResolvedOptions,
): Promise<SyncReport> {
  await waitForTry(course, options)
  const called = performance.now()
  const { target, source: opening } = await connections.open()
  const untilTarget = performance.now() - called
  const own = await claimRun(target, course, options)
  if (own?.report.status === 'success') return own.report
  const startedAt = options.dryRun ? await clockOf(target) : ''
  const began = performance.now()
  const source = await opening
  const connect = untilTarget + performance.now() - began
  using _ = cutWhenStopped(options, { source, target })
  const run = await prepareRun({ source, target, course, own, options: smaller(options, course) })
  run.tally.phases.connect = connect
  try {
    if (!options.dryRun) return run.loadType === 'full' ? await readEverything(run) : await readChanges(run)
    await (run.loadType === 'full' ? rehearseEverything(run) : rehearseChanges(run))
    return await rehearsalReport(run, startedAt, performance.now() - began)
  } catch (error) {
    throw await explained(error, run)
  }
}

/** After a statement that took too long, less is asked for at a time. */
function smaller(options: ResolvedOptions, { batchShare }: Course): ResolvedOptions {
  if (batchShare === 1) return options
  const part = (most: number) => Math.max(1, Math.floor(most * batchShare))
  return { ...options, batchSize: part(options.batchSize), batchBytes: part(options.batchBytes) }
}

function summaryOf(report: SyncReport) {
  const { executionId, loadType, reason, rowsExtracted, rowsInserted, rowsUpdated, rowsUnchanged } = report
  const { rowsDeleted, durationSeconds, watermarkEnd } = report
  const counts = { rowsExtracted, rowsInserted, rowsUpdated, rowsUnchanged, rowsDeleted }
  return { executionId, loadType, reason, ...counts, durationSeconds, watermarkEnd }
}
