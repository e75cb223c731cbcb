import { SyncError } from '../../lib/domain/errors.js'
import { redact } from '../../lib/domain/redact.js'
import { complain } from './complaint.js'
import { secretsOf } from '../flags/environment.js'
import { exitCodeOf, type ExitCode } from '../exit-code.js'

/**
 * Says on stderr, in one line, what went wrong and what to do, and with `json` the same as one object on stdout. Gives the exit code.
 * A terminal gets the line broken at words.
 * Passwords of the environment are hidden, whatever the error says.
 */
export function reportFailure(error: unknown, json: boolean): ExitCode {
  const known = error instanceof SyncError ? error : unexpected(error)
  const hide = (text: string) => redact(text, secretsOf(process.env))
  complain(`${hide(known.message)} (${known.code})`)
  // The trace is what a report of a bug needs.
  if (known !== error && error instanceof Error) process.stderr.write(`${hide(error.stack ?? '')}\n`)
  if (json) {
    const { code, message, remedy = null, details } = known
    process.stdout.write(`${hide(JSON.stringify({ error: { code, message, remedy, details } }))}\n`)
  }
  return exitCodeOf(known)
}

function unexpected(error: unknown): SyncError {
  const message = error instanceof Error ? error.message : String(error)
  return new SyncError('INTERNAL', `Something unexpected happened: ${message}.`, {
    remedy: 'Please report it with the trace.',
    cause: error,
  })
}
