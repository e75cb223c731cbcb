import type { CompiledQuery } from 'kysely'

import { pause } from '../../domain/abort.js'
import { sizeOf, type Batch, type Extractor } from './batches.js'

/** What limits the reading. */
export interface ReadLimits {
  /** Milliseconds after which it continues under a new snapshot. */
  readonly snapshotTime: number
  /** (Default: no limit.) */
  readonly maxRowsPerSecond: number | undefined
  readonly signal: AbortSignal | undefined
}

export interface Reading<Read extends Batch> {
  readonly extractor: Extractor<Read>
  /** The rows after a key, in order of the key; null for all of them. */
  readonly query: (after: string | null) => CompiledQuery
  /** Where to start. */
  readonly after: string | null
  readonly limits: ReadLimits
  /** Opens a new snapshot of the same source. */
  readonly renewSnapshot: () => Promise<void>
}

/**
 * The batches of a query that is ordered by its key. Once the snapshot is too old, it continues under a new one after the last key. What
 * changes behind that key meanwhile, moves there, or is deleted, has a stamp after the low watermark that the next run starts from, which is
 * that of the first snapshot: the next run reads it. Deleted rows show when the keys are compared, under the last snapshot.
 */
export async function* readAcrossSnapshots<Read extends Batch>(reading: Reading<Read>): AsyncGenerator<Read> {
  const { extractor, query, limits } = reading
  const throttle = newThrottle(limits)
  let reached = reading.after
  while (true) {
    const from = reached
    const began = performance.now()
    let time = limits.snapshotTime
    let isLeft = false
    for await (const batch of readAhead(throttled(extractor.extract(query(from)), throttle))) {
      const age = performance.now() - began
      // A view that takes long until its first row would do so again each time.
      if (reached === from) time = Math.max(time, 2 * age)
      yield batch
      reached = batch.lastKey
      isLeft = reached !== from && performance.now() - began >= time
      if (isLeft) break
    }
    if (!isLeft) return
    await reading.renewSnapshot()
  }
}

type Throttle = (rows: number) => Promise<void>

/** Waits before more rows are read than the limit allows so far; undefined without a limit. */
function newThrottle({ maxRowsPerSecond, signal }: ReadLimits): Throttle | undefined {
  if (maxRowsPerSecond === undefined) return undefined
  const began = performance.now()
  let rows = 0
  return async (more) => {
    rows += more
    const due = began + (rows * 1000) / maxRowsPerSecond - performance.now()
    if (due > 0) await pause(due, signal)
  }
}

async function* throttled<Read extends Batch>(
  batches: AsyncGenerator<Read>,
  throttle: Throttle | undefined,
): AsyncGenerator<Read> {
  for await (const batch of batches) {
    yield batch
    await throttle?.(batch.repeated + sizeOf(batch))
  }
}

/** Reads the next batch before the caller is done with this one, so that reading overlaps loading. At most two are in memory. */
export async function* readAhead<T>(batches: AsyncGenerator<T>): AsyncGenerator<T> {
  let next = batches.next()
  try {
    while (true) {
      const { value, done } = await next
      if (done) return
      next = batches.next()
      // It is awaited in its turn; until then a failure must not count as unhandled.
      next.catch(() => undefined)
      yield value
    }
  } finally {
    await next.catch(() => undefined)
    await batches.return(undefined)
  }
}
