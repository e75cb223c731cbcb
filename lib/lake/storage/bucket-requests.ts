import { setTimeout as delay } from 'node:timers/promises'

import { SyncError } from '../../domain/errors.js'
import { bucketError, isPassing } from './bucket-error.js'

export interface BucketLimits {
  /** Milliseconds for one try; a file gets as many more as it has kilobytes. */
  readonly timeout: number
  /** Milliseconds before the second try; each later one waits four times as long. */
  readonly retryDelay: number
  readonly tries: number
}

const usual: BucketLimits = { timeout: 60_000, retryDelay: 250, tries: 5 }

/** Sends a request, of so many bytes, until it is answered. */
export type BucketRequest = <T>(
  name: string,
  send: (signal: AbortSignal) => Promise<T>,
  bytes?: number,
) => Promise<T>

/** A function that sends a request until it is answered, a few times at most; throws STORAGE_FAILED. */
export function bucketRequests(place: string, limits: Partial<BucketLimits>): BucketRequest {
  const { timeout, retryDelay, tries } = { ...usual, ...limits }

  return async function request<T>(
    name: string,
    send: (signal: AbortSignal) => Promise<T>,
    bytes = 0,
  ): Promise<T> {
    for (let done = 1; ; done += 1) {
      try {
        return await send(AbortSignal.timeout(timeout + Math.ceil(bytes / 1024)))
      } catch (error) {
        if (error instanceof SyncError) throw error
        if (done >= tries || !isPassing(error)) throw bucketError(error, place, name)
      }
      await delay(retryDelay * 4 ** (done - 1))
    }
  }
}
