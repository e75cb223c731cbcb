import { SyncError } from '../../domain/errors.js'
import type { Session } from '../../postgres/driver/session.js'
import { withSnapshot } from '../../postgres/driver/transaction.js'

/** The result of one check. */
export interface Check {
  /** What was checked, in kebab-case; stable. */
  readonly name: string
  /** `critical`: a run fails; `warning`: a run works, but there is something to know. */
  readonly outcome: 'ok' | 'warning' | 'critical'
  readonly message: string
  /** What to do about it; null when there is nothing to do. */
  readonly remedy: string | null
  /** The text of a dbmate migration of the target that fixes it. */
  readonly migration?: string
}

export const ok = (name: string, message: string): Check => ({ name, outcome: 'ok', message, remedy: null })

export const warning = (name: string, message: string, remedy: string): Check => ({
  name,
  outcome: 'warning',
  message,
  remedy,
})

export const critical = (name: string, message: string, remedy: string): Check => ({
  name,
  outcome: 'critical',
  message,
  remedy,
})

/** An error as a critical check. Only errors that this package throws on purpose become one; any other is thrown again. */
export function failed(name: string, error: unknown): Check {
  if (!(error instanceof SyncError)) throw error
  const { message, remedy } = error
  if (!remedy) return { name, outcome: 'critical', message, remedy: null }
  return critical(name, message.slice(0, -remedy.length).trim(), remedy)
}

/**
 * The checks that `check` returns, or its failure as a check of that name. It runs in a separate transaction that cannot write, so that a
 * statement that fails does not affect the next check.
 */
export async function examine(
  name: string,
  session: Session,
  check: (session: Session) => Promise<readonly Check[]>,
): Promise<readonly Check[]> {
  try {
    return await withSnapshot(session, timeouts, check)
  } catch (error) {
    return [failed(name, error)]
  }
}

/** Somebody waits for the answer. */
const timeouts = { statementTimeout: 60_000, lockTimeout: 60_000 }
