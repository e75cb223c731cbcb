import { randomUUID } from 'node:crypto'

import { pause } from '../domain/abort.js'
import type { ErrorDetails, SyncError } from '../domain/errors.js'
import { hookFailed } from '../domain/hook-failed.js'
import type { Warning } from '../domain/report.js'
import { prognosisOf, waitAfter, type Trouble } from '../domain/retry.js'
import type { ResolvedOptions } from '../options.js'
import type { Session } from '../postgres/driver/session.js'

/** The lock of a run over its attempts. */
export interface LockHold {
  /** The connection that holds it. */
  heldBy: Session | undefined
  /** Process id of the server's end of that connection. */
  heldIn: string
  /** Process ids of the server's ends of all connections that may have taken it. */
  readonly holders: Set<string>
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
  lock: { heldBy: undefined, heldIn: '', holders: new Set() },
  isOpen: false,
  isAnnounced: false,
  hasProgressed: true,
  retry: undefined,
  batchShare: 1,
  retries: new Map(),
})

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
  logger.warn('Trying again', { code, reason: message, sqlState, socketError, wait, failures })
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
