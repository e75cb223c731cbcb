import { SyncError } from '../../domain/errors.js'
import type { Session } from '../../postgres/driver/session.js'
import { beginReading } from '../../postgres/driver/transaction.js'

/** One thing that was looked at. */
export interface Check {
  /** What it is about, in kebab-case; stable. */
  readonly name: string
  /** `critical` means that a run fails, `warning` that it works and something should be known. */
  readonly outcome: 'ok' | 'warning' | 'critical'
  readonly message: string
  /** What to do about it. */
  readonly remedy: string | null
  /** A dbmate migration of the target that solves it. */
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

/** The check that an error stands for; only the errors that this package throws on purpose. */
export function failed(name: string, error: unknown): Check {
  if (!(error instanceof SyncError)) throw error
  const { message, remedy } = error
  if (!remedy) return { name, outcome: 'critical', message, remedy: null }
  return critical(name, message.slice(0, -remedy.length).trim(), remedy)
}

/**
 * What `look` finds, in a transaction of its own that cannot write, so that a statement that fails does not spoil the next check; or the
 * failure as a check of that name.
 */
export async function looking(
  name: string,
  session: Session,
  look: (session: Session) => Promise<readonly Check[]>,
): Promise<readonly Check[]> {
  try {
    await session.script(beginReading(patience))
    const checks = await look(session)
    await session.script(['rollback'])
    return checks
  } catch (error) {
    const check = failed(name, error)
    // Of a connection that is gone, the next check says so again.
    await session.script(['rollback']).catch(() => undefined)
    return [check]
  }
}

/** Milliseconds for one statement: whoever asks a doctor waits for the answer. */
const patience = { statementTimeout: 60_000, lockTimeout: 60_000 }
