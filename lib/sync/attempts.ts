import { randomUUID } from 'node:crypto'

import { pause } from '../domain/abort.js'
import { SyncError, hookFailed, type ErrorDetails } from '../domain/errors.js'
import type { Warning } from '../domain/report.js'
import { prognosisOf, waitAfter, type Trouble } from '../domain/retry.js'
import type { ResolvedOptions } from '../options.js'
import { toEarlier, type Earlier } from '../pipeline/prepare/state.js'
import { endLostHolder, openRun, takeRunLock } from '../postgres/control/run-start.js'
import { readCommittedRun, type CommittedRun } from '../postgres/control/run-rows.js'
import { targetPooled } from '../postgres/driver/driver-error.js'
import type { Session } from '../postgres/driver/session.js'

/** The lock of a run over its attempts. */
export interface LockHold {
  /** The connection that holds it. */
  heldBy: Session | undefined
  /** Process id of the server's end of that connection. */
  heldIn: string
  /** Process ids of the server's ends of all connections that may have taken it. */
  readonly holders: Set<string>
  /** The table in which its run is recorded has the column for the second watermark. */
  keepsIndexedWatermark: boolean
}

/** What a run keeps from one attempt to the next. */
export interface Attempts {
  readonly executionId: string
  readonly lock: LockHold
  /** Its row may exist in the control table. */
  isOpen: boolean
  /** The start was logged, and the caller's hook called. */
  isAnnounced: boolean
  /** A batch was committed since the last failure. */
  hasProgressed: boolean
  /** The last failure, if it is to be tried again, and since when failures have occurred. */
  retry: { readonly failure: SyncError; readonly trouble: Trouble; readonly wait: number } | undefined
  /** Share of `batchSize` and `batchBytes` that is used: less after a statement that took too long. */
  batchShare: number
  /** How often it was tried again after which failure. */
  readonly retries: Map<string, number>
}

export const newAttempts = (): Attempts => ({
  executionId: randomUUID(),
  lock: { heldBy: undefined, heldIn: '', holders: new Set(), keepsIndexedWatermark: false },
  isOpen: false,
  isAnnounced: false,
  hasProgressed: true,
  retry: undefined,
  batchShare: 1,
  retries: new Map(),
})

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
): Promise<LockedPipeline> {
  if (attempts.lock.heldBy !== target) await takeLock(target, attempts, options.pipeline)
  const committed = await committedRun(target, attempts)
  let earlier: Earlier | undefined
  if (!committed && !options.dryRun) {
    attempts.isOpen = true
    const opened = await openRun(target, { ...startOf(options), executionId: attempts.executionId })
    if (opened.process !== attempts.lock.heldIn) throw targetPooled()
    attempts.lock.keepsIndexedWatermark = opened.keepsIndexedWatermark
    earlier = toEarlier(opened.previousRuns)
  }
  if (!attempts.isAnnounced) announce(attempts, options)
  return { committed, earlier }
}

/** What is known of a pipeline once no other run can work on it. */
export interface LockedPipeline {
  /** What this run had committed before it was interrupted. */
  readonly committed: CommittedRun | undefined
  /** What earlier runs have left, where it was read already. */
  readonly earlier: Earlier | undefined
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
  logger?.info('Run started', { executionId, pipeline, loadType, triggeredBy, dryRun })
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

/**
 * Whether the run is to be tried again after a failure, beginning with `waitForRetry`. A run that was started by the API fails at once until
 * it has its row: its caller waits for the answer, and can ask again.
 */
export function shouldRetry(
  attempts: Attempts,
  failure: SyncError,
  { triggeredBy, retryBudget, signal }: Pick<ResolvedOptions, 'triggeredBy' | 'retryBudget' | 'signal'>,
): boolean {
  if (triggeredBy === 'api' && !attempts.isOpen) return false
  const now = performance.now()
  const earlier = attempts.hasProgressed ? undefined : attempts.retry?.trouble
  const trouble = { since: earlier?.since ?? now, failures: (earlier?.failures ?? 0) + 1 }
  const wait = waitAfter(failure, trouble, { now, budget: retryBudget, random: Math.random() })
  if (wait === undefined || signal?.aborted) return false
  if (prognosisOf(failure) === 'smaller' && !attempts.hasProgressed) attempts.batchShare /= 4
  attempts.retry = { failure, trouble, wait }
  attempts.hasProgressed = false
  const name = nameOf(failure)
  attempts.retries.set(name, (attempts.retries.get(name) ?? 0) + 1)
  return true
}

/** Logs the failure, calls the caller's hook, and waits; nothing before the first attempt. Throws HOOK_FAILED and ABORTED. */
export async function waitForRetry(
  { retry }: Attempts,
  { logger, onRetry, signal }: Pick<ResolvedOptions, 'logger' | 'onRetry' | 'signal'>,
): Promise<void> {
  if (!retry) return
  const { wait, trouble } = retry
  const { code, message, details } = retry.failure
  const { failures } = trouble
  const { sqlState, socketError } = reasonsOf(details)
  logger?.warn('Trying again', { code, reason: message, sqlState, socketError, wait, failures })
  try {
    onRetry?.({ code, message, wait, failures })
  } catch (cause) {
    throw hookFailed('onRetry', cause)
  }
  await pause(wait, signal)
}

/** What the report says about it. */
export function retryWarnings({ retries }: Attempts): Warning[] {
  if (retries.size === 0) return []
  const times = [...retries].map(([name, count]) => `${name} ${count === 1 ? 'once' : `${count} times`}`)
  return [{ code: 'RETRIED', message: `Tried again after ${times.join(', ')}; nothing was lost.` }]
}

function nameOf({ code, details }: SyncError): string {
  const { sqlState, socketError } = reasonsOf(details)
  const reason = sqlState ?? socketError
  return reason === null ? code : `${code} (${reason})`
}

function reasonsOf({ sqlState, socketError }: ErrorDetails) {
  const text = (value: ErrorDetails[string] | undefined) => (typeof value === 'string' ? value : null)
  return { sqlState: text(sqlState), socketError: text(socketError) }
}
