import { pause } from '../../domain/abort.js'
import { SyncError } from '../../domain/errors.js'
import { changedMeanwhile } from '../../postgres/partition/swap.js'

/** How long each step that needs a moment in which nobody uses a table is tried again. */
export interface LockBudget {
  readonly milliseconds: number
  readonly signal: AbortSignal | undefined
}

/** Until when one step is tried again. */
export interface LockDeadline {
  /** Milliseconds of a clock that nobody sets. */
  readonly until: number
  readonly signal: AbortSignal | undefined
}

export const deadlineOf = ({ milliseconds, signal }: LockBudget): LockDeadline => ({
  until: performance.now() + milliseconds,
  signal,
})

/** Calls `work` until it no longer fails for a lock that somebody else holds. Throws TARGET_TIMED_OUT once the budget is used up. */
export async function retryLocked<T>(budget: LockBudget, work: () => Promise<T>): Promise<T> {
  const deadline = deadlineOf(budget)
  for (let tries = 1; ; tries += 1) {
    try {
      return await work()
    } catch (error) {
      if (!isLocked(error)) throw error
      await pauseUntilNext(deadline, tries, error)
    }
  }
}

/** Waits longer each time. Throws TARGET_TIMED_OUT after the deadline. */
export async function pauseUntilNext(
  { until, signal }: LockDeadline,
  tries: number,
  cause: unknown,
): Promise<void> {
  if (performance.now() > until) throw timedOut(cause)
  await pause(Math.random() * Math.min(100 * 2 ** Math.min(tries, 10), 5000), signal)
}

/** A lock, or the whole statement, took longer than it may: 55P03, 57014; a deadlock: 40P01; or the table has changed. */
export function isLocked(error: unknown): boolean {
  return (
    error instanceof SyncError &&
    ['55P03', '57014', '40P01', changedMeanwhile].includes(String(error.details['sqlState']))
  )
}

function timedOut(cause: unknown): SyncError {
  return new SyncError(
    'TARGET_TIMED_OUT',
    'There was no moment in which no run was in progress and nobody used the table for 100 ms.',
    {
      remedy: 'Run it again at a quieter time; what was built is kept, and it goes on from there.',
      details: { sqlState: cause instanceof SyncError ? (cause.details['sqlState'] ?? null) : null },
      cause,
    },
  )
}
