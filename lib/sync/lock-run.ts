import { SyncError } from '../domain/errors.js'
import { hookFailed } from '../domain/hook-failed.js'
import type { ResolvedOptions } from '../options.js'
import { endLostHolder, takeRunLock } from '../postgres/control/run-lock.js'
import { readCommittedRun, type CommittedRun } from '../postgres/control/run-rows.js'
import { openRun } from '../postgres/control/runs.js'
import { targetPooled } from '../postgres/driver/driver-error.js'
import type { Session } from '../postgres/driver/session.js'
import type { Attempts } from './attempts.js'

type LockOptions = Pick<
  ResolvedOptions,
  'pipeline' | 'loadType' | 'triggeredBy' | 'keepHistory' | 'dryRun' | 'logger' | 'onStart'
>

/**
 * Takes the run lock and inserts the run's row. After a failure it returns what the row holds, which is what was committed; a run whose last
 * commit was not confirmed may find that it was successful.
 *
 * Throws LOCKED when another run holds the lock, LOCK_LOST when another one took over meanwhile, and TARGET_POOLED when the connection does not
 * stay with one process of the server.
 */
export async function lockRun(
  target: Session,
  attempts: Attempts,
  options: LockOptions,
): Promise<CommittedRun | undefined> {
  if (attempts.lock.heldBy !== target) await takeLock(target, attempts, options.pipeline)
  const committed = await committedRun(target, attempts)
  if (!committed && !options.dryRun) {
    attempts.isOpen = true
    const process = await openRun(target, { ...startOf(options), executionId: attempts.executionId })
    if (process !== attempts.lock.heldIn) throw targetPooled()
  }
  if (!attempts.isAnnounced) announce(attempts, options)
  return committed
}

const startOf = ({ pipeline, loadType, triggeredBy, keepHistory }: LockOptions) => ({
  pipeline,
  loadType,
  triggeredBy,
  keepHistory,
})

async function takeLock(target: Session, attempts: Attempts, pipeline: string): Promise<void> {
  const { lock } = attempts
  for (const process of lock.holders) await endLostHolder(target, pipeline, process)
  const isAgain = lock.holders.size > 0
  if (target.process !== undefined) lock.holders.add(target.process)
  try {
    lock.heldIn = await takeRunLock(target, pipeline)
    lock.holders.add(lock.heldIn)
    lock.heldBy = target
  } catch (error) {
    if (!isAgain || !(error instanceof SyncError) || error.code !== 'LOCKED') throw error
    await committedRun(target, attempts)
    throw stillHeld(error)
  }
}

async function committedRun(target: Session, attempts: Attempts): Promise<CommittedRun | undefined> {
  const committed = attempts.isOpen ? await readCommittedRun(target, attempts.executionId) : undefined
  if (committed?.report.status === 'failed') throw takenOver()
  return committed
}

function announce(attempts: Attempts, options: LockOptions): void {
  const { logger, loadType, triggeredBy, pipeline, dryRun, onStart } = options
  const { executionId } = attempts
  attempts.isAnnounced = true
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
    remedy: 'Check chatwoot-sync status; what this run had committed stays.',
  })
}

/** Whoever holds the lock has not taken over yet, and is usually the connection that was lost. */
function stillHeld({ message, details }: SyncError): SyncError {
  return new SyncError('LOCKED', message, {
    remedy: 'Wait until it has ended; chatwoot-sync status shows it.',
    details: { ...details, isHeldByLostConnection: true },
  })
}
