import { randomUUID } from 'node:crypto'

import { SyncError } from './domain/errors.js'
import type { SyncReport } from './domain/report.js'
import { resolveOptions, type ResolvedOptions, type SyncOptions } from './options.js'
import { openSession } from './postgres/connect.js'
import { openRun } from './postgres/control.js'
import { takeRunLock } from './postgres/run-lock.js'
import type { Session } from './postgres/session.js'
import { clockOf } from './postgres/verification.js'
import { closeFailed } from './sync/close-failed.js'
import { prepareRun } from './sync/prepare.js'
import { readChanges, rehearseChanges } from './sync/read-changes.js'
import { readEverything, rehearseEverything } from './sync/read-everything.js'
import { rehearsalReport } from './sync/rehearsal.js'
import { hookFailed } from './sync/run.js'
import { stopped, throwIfStopped } from './pipeline/stop.js'

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
    const report = await runWithTarget(resolved)
    logger.info('Run done', summaryOf(report))
    for (const { code, message } of report.warnings) logger.warn(message, { code })
    return report
  } catch (error) {
    const code = error instanceof SyncError ? error.code : 'INTERNAL'
    logger.error('Run failed', { code, reason: error instanceof Error ? error.message : null })
    throw error
  }
}

async function runWithTarget(options: ResolvedOptions): Promise<SyncReport> {
  throwIfStopped(options.signal)
  // Both at once, as each takes several round trips; what becomes of the source is looked at once the run has its row.
  const opening = openSession('source', options.source, connectOptions(options))
  opening.catch(() => undefined)
  try {
    await using target = await openSession('target', options.target, connectOptions(options))
    await takeRunLock(target, options.pipeline)
    const executionId = options.dryRun ? randomUUID() : await openRun(target, options)
    const { logger, loadType, triggeredBy, pipeline, dryRun } = options
    logger.info('Run started', { executionId, pipeline, loadType, triggeredBy, dryRun })
    try {
      if (!dryRun) announce(executionId, options)
      return await runWithSource(target, opening, executionId, options)
    } catch (error) {
      throw await closeFailed(target, executionId, error, options)
    }
  } finally {
    await opening.then((source) => source[Symbol.asyncDispose]()).catch(() => undefined)
  }
}

function announce(executionId: string, { onStart }: ResolvedOptions): void {
  try {
    onStart?.(executionId)
  } catch (cause) {
    throw hookFailed('onStart', cause)
  }
}

async function runWithSource(
  target: Session,
  opening: Promise<Session>,
  executionId: string,
  options: ResolvedOptions,
): Promise<SyncReport> {
  const began = performance.now()
  const startedAt = options.dryRun ? await clockOf(target) : ''
  const source = await opening
  const connect = performance.now() - began
  const stop = () => source.destroy(stopped(options.signal?.reason))
  options.signal?.addEventListener('abort', stop, { once: true })
  try {
    const run = await prepareRun(executionId, source, target, options)
    run.tally.phases.connect = connect
    if (!options.dryRun) return await (run.loadType === 'full' ? readEverything(run) : readChanges(run))
    await (run.loadType === 'full' ? rehearseEverything(run) : rehearseChanges(run))
    return await rehearsalReport(run, startedAt, performance.now() - began)
  } finally {
    options.signal?.removeEventListener('abort', stop)
  }
}

function connectOptions({ connectTimeout }: ResolvedOptions) {
  return { applicationName: 'chatwoot-sync', connectTimeout }
}

function summaryOf(report: SyncReport) {
  const { executionId, loadType, reason, rowsExtracted, rowsInserted, rowsUpdated, rowsUnchanged } = report
  const { rowsDeleted, durationSeconds, watermarkEnd } = report
  const counts = { rowsExtracted, rowsInserted, rowsUpdated, rowsUnchanged, rowsDeleted }
  return { executionId, loadType, reason, ...counts, durationSeconds, watermarkEnd }
}
