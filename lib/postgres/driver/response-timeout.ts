import { SyncError } from '../../domain/errors.js'
import type { Side } from './session.js'

/** Milliseconds that a connection may take to say goodbye; it is cut after that. */
export const closePatience = 2000

/**
 * Calls `onSilence` after so many milliseconds, unless what it returns is called before. A server's own timeouts are of no use when
 * nothing of it arrives, and the system's keepalive sees neither a proxy that hangs nor a server that was stopped.
 */
export function afterSilence(
  side: Side,
  milliseconds: number,
  onSilence: (reason: SyncError) => void,
): () => void {
  if (milliseconds === 0) return () => undefined
  const alarm = setTimeout(() => onSilence(noAnswer(side, milliseconds)), milliseconds)
  return () => clearTimeout(alarm)
}

/** Rejects once a connection that was asked for has not come; `onLate` gets it if it comes after all. */
export async function orUnreachable<T>(
  connecting: Promise<T>,
  milliseconds: number,
  onLate: (connection: T) => void,
): Promise<T> {
  let alarm: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    alarm = setTimeout(() => {
      connecting.then(onLate, () => undefined)
      reject(new Error(`no connection within ${milliseconds} ms`))
    }, milliseconds)
  })
  try {
    return await Promise.race([connecting, late])
  } finally {
    clearTimeout(alarm)
  }
}

/** Rejects as soon as the connection is lost, whatever becomes of the work. */
export async function unlessLost<T>(work: Promise<T>, lost: AbortSignal): Promise<T> {
  let onLost = (): void => undefined
  const end = new Promise<never>((_, reject) => {
    onLost = () => reject(lost.reason instanceof Error ? lost.reason : new Error('The connection is gone'))
    if (lost.aborted) onLost()
    lost.addEventListener('abort', onLost)
  })
  try {
    return await Promise.race([work, end])
  } finally {
    lost.removeEventListener('abort', onLost)
  }
}

/** Ends with the work, or after so many milliseconds while the work goes on. */
export async function within(work: Promise<void>, milliseconds: number): Promise<void> {
  let alarm: NodeJS.Timeout | undefined
  const enough = new Promise<void>((resolve) => {
    alarm = setTimeout(resolve, milliseconds)
  })
  try {
    await Promise.race([work, enough])
  } finally {
    clearTimeout(alarm)
  }
}

function noAnswer(side: Side, milliseconds: number): SyncError {
  const code = side === 'source' ? 'SOURCE_UNREACHABLE' : 'TARGET_UNREACHABLE'
  return new SyncError(code, `The ${side} has not answered for ${milliseconds / 1000} s.`, {
    remedy: 'Look at the network between and at the server; run it again.',
    details: { sqlState: null, socketError: null, silence: milliseconds },
  })
}
