import { errorCodes, SyncError } from '../lib/domain/errors.js'

/** What the shell, cron or systemd sees. */
export const exitCodes = {
  done: 0,
  failed: 1,
  /** Wrong use of the command line, or a setting that cannot work. */
  misused: 2,
  /** Another run holds the lock. */
  locked: 3,
  /** It worked, and what it found is not as it should be. */
  unhealthy: 4,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

const byKind = { usage: exitCodes.misused, failure: exitCodes.failed, locked: exitCodes.locked } as const

/** The exit code that an error stands for. */
export function exitCodeOf(error: unknown): ExitCode {
  return error instanceof SyncError ? byKind[errorCodes[error.code]] : exitCodes.failed
}
