import { randomUUID } from 'node:crypto'

import type { ErrorDetails, SyncError } from '../domain/errors.js'
import type { Warning } from '../domain/report.js'
import { prospectOf, waitAfter, type Trouble } from '../domain/retry.js'
import type { ResolvedOptions } from '../options.js'
import { pause } from '../domain/abort.js'
import type { Session } from '../postgres/driver/session.js'
import { hookFailed } from '../domain/hook-failed.js'

/** What a run keeps while it tries again. */
export interface Course {
  readonly executionId: string
  /** Whether its row may stand in the control table. */
  isOpen: boolean
  /** Whether the caller was told of it. */
  isAnnounced: boolean
  /** The connection that holds the lock. */
  lockedBy: Session | undefined
  /** Process id of the server's end of it. */
  lockedIn: string
  /** Process ids of the server's ends of all connections that may have taken it. */
  readonly lockHolders: Set<string>
  /** A batch was committed since the last failure. */
  hasProgressed: boolean
  /** The last failure, and how long such things have been going on. */
  failure: SyncError | undefined
  trouble: Trouble | undefined
  /** Milliseconds to wait before the next try. */
  wait: number
  /** Part of `batchSize` and `batchBytes` that is used: less after a statement that took too long. */
  batchShare: number
  /** How often it was tried again after which failure. */
  readonly retries: Map<string, number>
}

export const newCourse = (): Course => ({
  executionId: randomUUID(),
  isOpen: false,
  isAnnounced: false,
  lockedBy: undefined,
  lockedIn: '',
  lockHolders: new Set(),
  hasProgressed: true,
  failure: undefined,
  trouble: undefined,
  wait: 0,
  batchShare: 1,
  retries: new Map(),
})

/**
 * Takes note of a failure; whether the run is to be tried again, which begins with `waitForTry`. Somebody waits for the answer to a run
 * asked for by API until it has its row, and asks again as he sees fit.
 */
export function isWorthRetrying(course: Course, failure: SyncError, options: ResolvedOptions): boolean {
  if (options.triggeredBy === 'api' && !course.isOpen) return false
  const now = performance.now()
  const earlier = course.hasProgressed ? undefined : course.trouble
  const trouble = { since: earlier?.since ?? now, failures: (earlier?.failures ?? 0) + 1 }
  const wait = waitAfter(failure, trouble, { now, budget: options.retryBudget, random: Math.random() })
  if (wait === undefined || options.signal?.aborted) return false
  if (prospectOf(failure) === 'smaller' && !course.hasProgressed) course.batchShare /= 4
  Object.assign(course, { failure, trouble, wait, hasProgressed: false })
  const name = nameOf(failure)
  course.retries.set(name, (course.retries.get(name) ?? 0) + 1)
  return true
}

/** Tells of the failure, and waits; nothing before the first try. */
export async function waitForTry(
  { trouble, wait, failure }: Course,
  options: ResolvedOptions,
): Promise<void> {
  if (!failure || !trouble) return
  const { code, message, details } = failure
  const retry = { wait, failures: trouble.failures }
  const { sqlState, socketError } = reasonsOf(details)
  options.logger.warn('Trying again', { code, reason: message, sqlState, socketError, ...retry })
  try {
    options.onRetry?.({ code, message, ...retry })
  } catch (cause) {
    throw hookFailed('onRetry', cause)
  }
  await pause(wait, options.signal)
}

/** What the report says of it. */
export function retryWarnings({ retries }: Course): Warning[] {
  if (retries.size === 0) return []
  const times = [...retries].map(([name, count]) => `${name} ${count === 1 ? 'once' : `${count} times`}`)
  return [{ code: 'RETRIED', message: `Tried again after ${times.join(', ')}; nothing was lost by it.` }]
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
