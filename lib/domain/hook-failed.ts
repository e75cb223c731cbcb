import { SyncError } from './errors.js'

/** The error of a run whose caller's hook threw. */
export function hookFailed(hook: string, cause: unknown): SyncError {
  return new SyncError('HOOK_FAILED', `The option ${hook} threw an error, which is the cause of this one.`, {
    remedy: 'Fix it; nothing of the batch was written.',
    details: { hook },
    cause,
  })
}
