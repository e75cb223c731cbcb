import { SyncError } from '../domain/errors.js'
import { createRedactor } from '../domain/redact.js'
import type { ResolvedOptions } from '../options.js'
import { passwordOf } from '../postgres/driver/connect.js'
import { failRun } from '../postgres/control/runs.js'
import type { Session } from '../postgres/driver/session.js'
import { afterSilence } from '../postgres/driver/response-timeout.js'
import { stopped } from '../domain/abort.js'
import type { Course } from './attempts.js'

/**
 * Rolls back what is open and closes the run's row as failed. Where the target is out of reach the row stays `running`; the next run
 * closes it as INTERRUPTED.
 */
export async function closeFailed(
  target: Session | undefined,
  { executionId, isOpen }: Course,
  failure: SyncError,
  options: ResolvedOptions,
): Promise<void> {
  if (!target || target.lost.aborted || !isOpen) return
  const secrets = [options.source, options.target].flatMap((handle) => passwordOf(handle) ?? [])
  const redact = createRedactor([...secrets, ...(options.hashSecret ? [options.hashSecret] : [])])
  const row = { code: failure.code, message: redact(failure.message), traceback: redact(failure.stack ?? '') }
  const calm = afterSilence('target', options.connectTimeout, (reason) => target.destroy(reason))
  try {
    await target.script(['rollback'])
    await failRun(target, executionId, row)
  } catch (closing) {
    options.logger.warn('The failed run could not be closed; the next one will do it', {
      executionId,
      code: closing instanceof SyncError ? closing.code : 'INTERNAL',
    })
  } finally {
    calm()
  }
}

/** The error for the caller: that the run was stopped, whatever else failed by it, or a SyncError in any case. */
export function failureOf(error: unknown, { signal }: ResolvedOptions): SyncError {
  if (signal?.aborted) return stopped(signal.reason)
  if (error instanceof SyncError) return error
  const message =
    error instanceof Error ? `${error.name}: ${error.message}` : 'something that is not an error was thrown'
  return new SyncError('INTERNAL', `A bug in chatwoot-sync: ${message}.`, {
    remedy: 'Please report it with the trace of the run.',
    cause: error,
  })
}
