import { SyncError } from '../domain/errors.js'
import { createRedactor } from '../domain/redact.js'
import type { ResolvedOptions } from '../options.js'
import { passwordOf } from '../postgres/connect.js'
import { failRun } from '../postgres/control.js'
import type { Session } from '../postgres/session.js'
import { stopped } from '../pipeline/stop.js'

/**
 * Rolls back what is open, closes the run's row as failed, and gives the error for the caller. Where the target is out of reach the
 * row stays `running`; the next run closes it as INTERRUPTED.
 */
export async function closeFailed(
  target: Session,
  executionId: string,
  error: unknown,
  options: ResolvedOptions,
): Promise<SyncError> {
  const failure = options.signal?.aborted ? stopped(options.signal.reason) : toSyncError(error)
  if (target.lost.aborted) return failure
  const secrets = [options.source, options.target].flatMap((handle) => passwordOf(handle) ?? [])
  const redact = createRedactor([...secrets, ...(options.hashSecret ? [options.hashSecret] : [])])
  const row = { code: failure.code, message: redact(failure.message), traceback: redact(failure.stack ?? '') }
  try {
    await target.script(['rollback'])
    if (!options.dryRun) await failRun(target, executionId, row)
  } catch (closing) {
    options.logger.warn('The failed run could not be closed; the next one will do it', {
      executionId,
      code: closing instanceof SyncError ? closing.code : 'INTERNAL',
    })
  }
  return failure
}

function toSyncError(error: unknown): SyncError {
  if (error instanceof SyncError) return error
  const message =
    error instanceof Error ? `${error.name}: ${error.message}` : 'something that is not an error was thrown'
  return new SyncError('INTERNAL', `A bug in chatwoot-sync: ${message}.`, {
    remedy: 'Please report it with the trace of the run.',
    cause: error,
  })
}
