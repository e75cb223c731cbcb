import { setTimeout as wait } from 'node:timers/promises'

import { SyncError } from './errors.js'

/** Throws ABORTED once the signal has fired. */
export function throwIfStopped(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw stopped(signal.reason)
}

export function stopped(cause: unknown): SyncError {
  return new SyncError('ABORTED', 'The run was stopped; the batch in work was rolled back.', {
    remedy: 'Run it again: a full read goes on where it was.',
    cause,
  })
}

/** Milliseconds; ends early with ABORTED. */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await wait(milliseconds, undefined, signal ? { signal } : {})
  } catch (cause) {
    throw stopped(cause)
  }
}

/** What is on its way; ends early with ABORTED, while the work goes on. */
export async function orStopped<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work
  let onStop = (): void => undefined
  const stop = new Promise<never>((_, reject) => {
    onStop = () => reject(stopped(signal.reason))
    if (signal.aborted) onStop()
    signal.addEventListener('abort', onStop, { once: true })
  })
  try {
    return await Promise.race([work, stop])
  } finally {
    signal.removeEventListener('abort', onStop)
  }
}
