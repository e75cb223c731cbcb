import { SyncError } from '../domain/errors.js'
import type { ResolvedOptions } from '../options.js'
import { openRun } from '../postgres/control/runs.js'
import { readOwnRun, type OwnRun } from '../postgres/control/own-run.js'
import { targetPooled } from '../postgres/driver/pooler.js'
import { endLostHolder, takeRunLock } from '../postgres/control/run-lock.js'
import type { Session } from '../postgres/driver/session.js'
import type { Course } from './attempts.js'
import { hookFailed } from '../domain/hook-failed.js'

/**
 * Makes the target this run's: takes the lock and inserts the run's row. After a failure it gives what the row holds, which is what was
 * committed; a run whose last commit was not answered may find itself done.
 *
 * Throws LOCKED when another run is at work, LOCK_LOST when another one took over meanwhile, and TARGET_POOLED when the connection does not
 * stay with one process of the server.
 */
export async function claimRun(
  target: Session,
  course: Course,
  options: ResolvedOptions,
): Promise<OwnRun | undefined> {
  if (course.lockedBy !== target) await takeLock(target, course, options)
  const own = await ownRun(target, course)
  if (!own && !options.dryRun) {
    course.isOpen = true
    const process = await openRun(target, course.executionId, options)
    if (process !== course.lockedIn) throw targetPooled()
  }
  if (!course.isAnnounced) announce(course, options)
  return own
}

async function takeLock(target: Session, course: Course, { pipeline }: ResolvedOptions): Promise<void> {
  const { lockHolders } = course
  for (const process of lockHolders) await endLostHolder(target, pipeline, process)
  const isAgain = lockHolders.size > 0
  if (target.process !== undefined) lockHolders.add(target.process)
  try {
    course.lockedIn = await takeRunLock(target, pipeline)
    lockHolders.add(course.lockedIn)
    course.lockedBy = target
  } catch (error) {
    if (!isAgain || !(error instanceof SyncError) || error.code !== 'LOCKED') throw error
    await ownRun(target, course)
    throw stillHeld(error)
  }
}

async function ownRun(target: Session, { isOpen, executionId }: Course): Promise<OwnRun | undefined> {
  const own = isOpen ? await readOwnRun(target, executionId) : undefined
  if (own?.report.status === 'failed') throw takenOver()
  return own
}

function announce(course: Course, options: ResolvedOptions): void {
  const { logger, loadType, triggeredBy, pipeline, dryRun, onStart } = options
  const { executionId } = course
  course.isAnnounced = true
  logger.info('Run started', { executionId, pipeline, loadType, triggeredBy, dryRun })
  if (dryRun) return
  try {
    onStart?.(executionId)
  } catch (cause) {
    throw hookFailed('onStart', cause)
  }
}

function takenOver(): SyncError {
  return new SyncError('LOCK_LOST', 'Another run took over while this one had lost its connection.', {
    remedy: 'Look at chatwoot-sync status; what this run had committed stays.',
  })
}

/** Whoever has the lock has not taken over yet, and is as a rule the connection that was lost. */
function stillHeld({ message, details }: SyncError): SyncError {
  return new SyncError('LOCKED', message, {
    remedy: 'Wait until it is done; chatwoot-sync status shows it.',
    details: { ...details, isHeldByLostConnection: true },
  })
}
