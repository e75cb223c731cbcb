import { aborted, startResponseTimeout } from '../domain/abort.js'
import { SyncError } from '../domain/errors.js'
import { createRedactor } from '../domain/redact.js'
import type { ResolvedOptions } from '../options.js'
import { failRun } from '../postgres/control/runs.js'
import { passwordOf } from '../postgres/driver/connect.js'
import type { Session } from '../postgres/driver/session.js'

/**
 * Rolls back what is open and closes the run's row as failed. Where the target is out of reach the row stays `running`; the next run
 * closes it as INTERRUPTED.
 */
export async function closeFailed(
  target: Session,
  executionId: string,
  failure: SyncError,
  options: Pick<ResolvedOptions, 'source' | 'target' | 'hashSecret' | 'connectTimeout' | 'logger'>,
): Promise<void> {
  const { hashSecret, connectTimeout, logger } = options
  const secrets = [options.source, options.target].flatMap((handle) => passwordOf(handle) ?? [])
  const redact = createRedactor([...secrets, ...(hashSecret ? [hashSecret] : [])])
  const row = { code: failure.code, message: redact(failure.message), traceback: redact(failure.stack ?? '') }
  const stopTimeout = startResponseTimeout('target', connectTimeout, target.destroy)
  try {
    await target.script(['rollback'])
    await failRun(target, executionId, row)
  } catch (closing) {
    const code = closing instanceof SyncError ? closing.code : 'INTERNAL'
    logger?.warn('The failed run could not be closed; the next one will do it', { executionId, code })
  } finally {
    stopTimeout()
  }
}

/** The error for the caller: ABORTED when the run was stopped, whatever else failed by it, and a SyncError in any case. */
export function failureOf(error: unknown, signal: AbortSignal | undefined): SyncError {
  if (signal?.aborted) return aborted(signal.reason)
  if (error instanceof SyncError) return error
  // What JSON.parse throws quotes the text.
  const words = error instanceof SyntaxError ? '' : `: ${error instanceof Error ? error.message : ''}`
  const message =
    error instanceof Error ? `${error.name}${words}` : 'something that is not an error was thrown'
  return new SyncError('INTERNAL', `A bug in chatwoot-sync: ${message}.`, {
    remedy: 'Please report it with the stack trace of the run.',
    cause: error,
  })
}
