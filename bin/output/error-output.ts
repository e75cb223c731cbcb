import { SyncError } from '../../lib/domain/errors.js'
import { printable } from '../../lib/domain/printable.js'
import { redact } from '../../lib/domain/redact.js'
import { secretsOf } from '../flags/secrets.js'
import { exitCodeOf, type ExitCode } from '../process/exit-code.js'
import { textWidth, wrap } from './wrap.js'

/** Prints an error or a warning on stderr: as one line, or on a terminal as lines broken between words. */
export function printError(text: string): void {
  const line = `chatwoot-sync: ${text.trim().replaceAll(/\s*\n\s*/g, ' ')}`
  const width = textWidth(process.stderr)
  process.stderr.write(`${width === Infinity ? printable(line) : wrap(line, width - 2, 2)}\n`)
}

/** The text without the secrets of the environment, whatever put them there. */
export function withoutSecrets(text: string): string {
  return redact(text, secretsOf(process.env))
}

/**
 * Prints on stderr what failed and what to do, and with `json` the same as one JSON object on stdout. Returns the exit code.
 * An error that is not a SyncError is a bug, so its stack trace is printed too. Secrets of the environment are redacted.
 */
export function reportFailure(error: unknown, json: boolean): ExitCode {
  const known = error instanceof SyncError ? error : unexpected(error)
  printError(`${withoutSecrets(known.message)} (${known.code})`)
  if (known !== error && error instanceof Error)
    process.stderr.write(`${withoutSecrets(error.stack ?? '')}\n`)
  if (json) {
    const { code, message, remedy = null, details } = known
    const object = JSON.stringify({ error: { code, message, remedy, details } })
    process.stdout.write(`${withoutSecrets(object)}\n`)
  }
  return exitCodeOf(known)
}

function unexpected(error: unknown): SyncError {
  const message = error instanceof Error ? error.message : String(error)
  return new SyncError('INTERNAL', `Unexpected error: ${message}.`, {
    remedy: 'Please report it with the stack trace.',
    cause: error,
  })
}
