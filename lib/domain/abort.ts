import { setTimeout as delay } from 'node:timers/promises'

import { SyncError } from './errors.js'

/** Throws ABORTED once the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw aborted(signal.reason)
}

/** The error of a run whose caller stopped it. */
export function aborted(cause: unknown): SyncError {
  return new SyncError('ABORTED', 'The run was stopped; the current batch was rolled back.', {
    remedy: 'Run it again: a full load resumes after its last committed batch.',
    cause,
  })
}

/** Waits for so many milliseconds. Throws ABORTED as soon as the signal fires. */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(milliseconds, undefined, signal ? { signal } : {})
  } catch (cause) {
    throw aborted(cause)
  }
}

/**
 * Settles as the work does, or rejects with `errorOf` of the signal's reason as soon as the signal fires. The work itself is not cancelled: its
 * result is dropped.
 */
export async function unlessAborted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  errorOf: (reason: unknown) => unknown = aborted,
): Promise<T> {
  if (!signal) return work
  let onAbort = (): void => undefined
  const firing = new Promise<never>((_, reject) => {
    onAbort = () => reject(errorOf(signal.reason))
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([work, firing])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** Settles as the work does, or rejects with `onTimeout()` after so many milliseconds, while the work continues unobserved. */
export async function withinTime<T>(
  work: Promise<T>,
  milliseconds: number,
  onTimeout: () => Error,
): Promise<T> {
  const timeout = new AbortController()
  const alarm = setTimeout(() => timeout.abort(), milliseconds)
  try {
    return await unlessAborted(work, timeout.signal, onTimeout)
  } finally {
    clearTimeout(alarm)
  }
}

/** Milliseconds for a connection to close; it is cut after that. */
export const closeTimeout = 2000

/**
 * Calls `onTimeout` when the server has not answered for so many milliseconds, unless what it returns is called before; never for 0. A
 * server's own timeouts are of no use when nothing of it arrives, and the system's keepalive sees neither a proxy that hangs nor a server
 * that was stopped.
 */
export function startResponseTimeout(
  side: 'source' | 'target',
  milliseconds: number,
  onTimeout: (reason: SyncError) => void,
): () => void {
  if (milliseconds === 0) return () => undefined
  const alarm = setTimeout(() => onTimeout(noResponse(side, milliseconds)), milliseconds)
  return () => clearTimeout(alarm)
}

function noResponse(side: 'source' | 'target', milliseconds: number): SyncError {
  const code = side === 'source' ? 'SOURCE_UNREACHABLE' : 'TARGET_UNREACHABLE'
  return new SyncError(code, `The ${side} has not responded for ${milliseconds / 1000} s.`, {
    remedy: 'Check the network between and the server, then run again.',
    details: { sqlState: null, socketError: null, silence: milliseconds },
  })
}

/** Both at once; the error of the second waits until the first is done, so that no work continues unobserved. */
export async function bothOf<A, B>(one: Promise<A>, other: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([one, other])
  return [await one, await other]
}
