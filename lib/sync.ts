import { aborted, startResponseTimeout, throwIfAborted, unlessAborted } from './domain/abort.js'
import { SyncError } from './domain/errors.js'
import type { SyncReport } from './domain/report.js'
import type { ResolvedOptions, SyncOptions } from './options.js'
import { resolveOptions } from './resolve-options.js'
import { glanceAtSource, seemsIdle } from './pipeline/prepare/snapshot.js'
import { explainFailure } from './pipeline/prepare/schema-change.js'
import { clockOf } from './postgres/driver/clock.js'
import {
  isPlainByChoice,
  openReconnecting,
  openSession,
  type ReconnectingSession,
} from './postgres/driver/connect.js'
import type { Session } from './postgres/driver/session.js'
import { lockRun, newAttempts, shouldRetry, waitForRetry, type Attempts } from './sync/attempts.js'
import { closeFailed, failureOf } from './sync/close-failed.js'
import { runFull } from './sync/full.js'
import { runIncremental } from './sync/incremental.js'
import { prepareRun } from './sync/run.js'
import { finishUnchanged } from './sync/unchanged.js'

/**
 * Brings the target's table to the content of the source, as of one snapshot of it, and returns the report of the run, which is also its row
 * in `etl_control`. Times in it are texts.
 *
 * An incremental run reads what changed since the last successful one, in one transaction on the target: after a failure everything is as
 * before. A full load reads everything, commits batch by batch, resumes after the last committed batch of one that was killed, and
 * soft-deletes what no longer exists in the source. The first run is a full load whatever was asked for, and so is one that cannot be sure of its
 * state; `reason` in the report says why.
 *
 * Nothing is lost that a change column shows, provided that timestamps are late by no more than `skewAllowance`. What no column shows is
 * found by a full load or by `verifyConversations`. Rows that are equal are not written. Only one run of a pipeline runs at a time.
 *
 * A failure that passes by itself, such as a restart of a server or a deadlock, does not fail the run for as long as `retryBudget` lasts: it
 * reconnects, makes sure that no other run took over, and continues from what it had committed, in the same row of `etl_control`.
 *
 * Throws a SyncError, whose `code` is one of docs/errors.md; the run's row is closed as failed with it. LOCKED, CONFIG_INVALID and
 * CONFIG_MISSING leave no row. Often seen: SOURCE_UNREACHABLE, TARGET_NOT_MIGRATED, SOURCE_FORBIDDEN, TOO_MANY_DELETES.
 *
 * @example
 * const report = await syncConversations({
 *   source: 'postgres://reader@chatwoot-db/chatwoot_production',
 *   target: 'postgres://etl@localhost/analytics',
 * })
 * console.log(`${report.rowsInserted} new, ${report.rowsUpdated} changed, as of ${report.watermarkEnd} UTC`)
 */
export async function syncConversations(options: SyncOptions): Promise<SyncReport> {
  const resolved = resolveOptions(options)
  const { logger } = resolved
  try {
    const report = await runUntilDone(resolved)
    logger?.info('Run done', summaryOf(report))
    for (const { code, message } of report.warnings) logger?.warn(message, { code })
    return report
  } catch (error) {
    const code = error instanceof SyncError ? error.code : 'INTERNAL'
    logger?.error('Run failed', { code, reason: error instanceof Error ? error.message : null })
    throw error
  }
}

async function runUntilDone(options: ResolvedOptions): Promise<SyncReport> {
  throwIfAborted(options.signal)
  const attempts = newAttempts()
  await using connections = connectionsOf(options)
  for (;;) {
    try {
      return await runOnce(connections, attempts, options)
    } catch (error) {
      const failure = failureOf(error, options.signal)
      if (shouldRetry(attempts, failure, options)) continue
      const target = connections.target()
      if (target && !target.lost.aborted && attempts.isOpen) {
        await closeFailed(target, attempts.executionId, failure, options)
      }
      throw failure
    }
  }
}

/** From the first statement to the last, or to the first failure. */
async function runOnce(
  connections: Connections,
  attempts: Attempts,
  options: ResolvedOptions,
): Promise<SyncReport> {
  await waitForRetry(attempts, options)
  const called = performance.now()
  const { target, source: opening } = await connections.open()
  const untilTarget = performance.now() - called
  // Both servers work at once. One that is far away connects later, and is asked for all of it in one round trip.
  let isLocked = false
  const glancing = awaitedLater(
    opening.then((session) => (isLocked ? undefined : glanceAtSource(session, options))),
  )
  const { committed, earlier } = await lockRun(target, attempts, options)
  isLocked = true
  if (committed?.report.status === 'success') return committed.report
  const startedAt = options.dryRun ? await clockOf(target) : ''
  const began = performance.now()
  const source = await opening
  const connect = untilTarget + performance.now() - began
  using _ = cutWhenAborted(options, { source, target })
  const both = { source, target, attempts, glance: await glancing }
  const unchanged =
    earlier && seemsIdle(both.glance, earlier.last)
      ? await finishUnchanged({ ...both, options }, earlier, connect)
      : undefined
  if (unchanged) return unchanged
  const smaller = withBatchShare(options, attempts.batchShare)
  const run = await prepareRun({ ...both, committed, earlier, options: smaller })
  run.tally.phases.connect = connect
  const dryRun = options.dryRun ? { startedAt, began } : undefined
  try {
    return await (run.facts.loadType === 'full' ? runFull(run, dryRun) : runIncremental(run, dryRun))
  } catch (error) {
    throw await explainFailure(error, { source, target, shapes: run.baseline.plan.shapes, options })
  }
}

/** After a statement that took too long, smaller batches are read. */
function withBatchShare<Sizes extends Pick<ResolvedOptions, 'batchSize' | 'batchBytes'>>(
  options: Sizes,
  share: number,
): Sizes {
  if (share === 1) return options
  const part = (most: number) => Math.max(1, Math.floor(most * share))
  return { ...options, batchSize: part(options.batchSize), batchBytes: part(options.batchBytes) }
}

function summaryOf(report: SyncReport) {
  const { executionId, loadType, reason, rowsExtracted, rowsInserted, rowsUpdated, rowsUnchanged } = report
  const { rowsDeleted, durationSeconds, watermarkEnd } = report
  const counts = { rowsExtracted, rowsInserted, rowsUpdated, rowsUnchanged, rowsDeleted }
  return { executionId, loadType, reason, ...counts, durationSeconds, watermarkEnd }
}

/** The two connections of a run. */
interface Connections extends AsyncDisposable {
  /**
   * Opens both at once, as each takes several round trips; the source may still be connecting when this resolves. After a failure the
   * source is opened anew, as its snapshot is lost, and so is the target if it is lost; else it is cleaned, and keeps its lock.
   */
  open(): Promise<{ readonly target: Session; readonly source: Promise<ReconnectingSession> }>
  /** The one to the target, unless none was opened. */
  target(): Session | undefined
}

type ConnectionOptions = Pick<
  ResolvedOptions,
  'source' | 'target' | 'schema' | 'signal' | 'connectTimeout' | 'statementTimeout' | 'logger'
>

function connectionsOf(options: ConnectionOptions): Connections {
  const { schema, signal, connectTimeout, statementTimeout } = options
  const settings = { applicationName: 'chatwoot-sync', connectTimeout, statementTimeout }
  let target: Session | undefined
  let source: Promise<ReconnectingSession> | undefined
  const warnIfOpen = warnOnce(options)

  /** One that is still connecting would delay a run that was stopped. */
  async function closeSource(): Promise<void> {
    const closing = source && close(source)
    source = undefined
    if (!signal?.aborted) await closing
  }

  async function openTarget(): Promise<Session> {
    const opening = awaitedLater(openSession('target', options.target, { ...settings, schema }))
    try {
      return await unlessAborted(opening, signal)
    } catch (error) {
      void close(opening)
      throw error
    }
  }

  async function closeTarget(): Promise<void> {
    const session = target
    target = undefined
    if (session) await close(Promise.resolve(session))
  }

  async function cleanTarget(): Promise<void> {
    if (!target) return
    const session = target
    const stopTimeout = startResponseTimeout('target', connectTimeout, session.destroy)
    try {
      await session.script(['rollback', 'discard temp'])
    } catch (reason) {
      session.destroy(reason)
      await closeTarget()
    } finally {
      stopTimeout()
    }
  }

  return {
    open: async () => {
      await Promise.all([closeSource(), cleanTarget()])
      source = awaitedLater(openReconnecting('source', options.source, settings))
      const opening = awaitedLater(unlessAborted(source, signal))
      opening.then(warnIfOpen, () => undefined)
      target ??= await openTarget()
      warnIfOpen(target)
      return { target, source: opening }
    },
    target: () => target,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([closeSource(), closeTarget()])
    },
  }
}

/** Warns once a run about each connection on which others can read names and messages. */
function warnOnce(options: Pick<ResolvedOptions, 'source' | 'target' | 'logger'>) {
  const warned = new Set<Session['side']>()
  return ({ side, wire }: Session): void => {
    if (wire !== 'open' || warned.has(side) || isPlainByChoice(options[side])) return
    warned.add(side)
    options.logger?.warn(
      `The connection to the ${side} is not encrypted; chatwoot-sync doctor says what to do.`,
    )
  }
}

/** Until it is awaited, its failure must not count as unhandled. */
function awaitedLater<T>(opening: Promise<T>): Promise<T> {
  opening.catch(() => undefined)
  return opening
}

/** A connection that fails to close has failed before, with an error that counts more. */
async function close(opening: Promise<Session>): Promise<void> {
  await opening.then((session) => session[Symbol.asyncDispose]()).catch(() => undefined)
}

/** Cuts both connections once the signal fires, the target's later, so that the run can still close its row. */
function cutWhenAborted(
  { signal, connectTimeout }: Pick<ResolvedOptions, 'signal' | 'connectTimeout'>,
  { source, target }: { readonly source: Session; readonly target: Session },
): Disposable {
  let alarm: NodeJS.Timeout | undefined
  const cut = () => {
    source.destroy(aborted(signal?.reason))
    alarm = setTimeout(() => target.destroy(aborted(signal?.reason)), connectTimeout)
  }
  signal?.addEventListener('abort', cut, { once: true })
  return {
    [Symbol.dispose]: () => {
      signal?.removeEventListener('abort', cut)
      clearTimeout(alarm)
    },
  }
}
