import { errorCodes, SyncError } from '../../lib/domain/errors.js'

/** What the shell, cron or systemd sees. */
export const exitCodes = {
  done: 0,
  failed: 1,
  /** Wrong use of the command line, or an invalid setting. */
  misused: 2,
  /** Another run of the pipeline holds the lock. */
  locked: 3,
  /** The command worked, and found problems or differences. */
  unhealthy: 4,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

const byKind = { usage: exitCodes.misused, failure: exitCodes.failed, locked: exitCodes.locked } as const

/** The exit code for an error: by the kind of its code, `failed` for what is not a SyncError. */
export function exitCodeOf(error: unknown): ExitCode {
  return error instanceof SyncError ? byKind[errorCodes[error.code]] : exitCodes.failed
}
