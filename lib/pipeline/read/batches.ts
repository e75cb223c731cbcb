import type { CompiledQuery } from 'kysely'

import { SyncError } from '../../domain/errors.js'
import { cutTuples, type KeyType, type Tuples } from '../../postgres/driver/copy-tuples.js'
import type { BinaryCopy, Cells, Session } from '../../postgres/driver/session.js'

/** Rows that are loaded together, in order of their key: as texts, or as the server sent them in binary. */
export type Batch = TextBatch | Tuples

export interface TextBatch {
  readonly rows: readonly Cells[]
  /** Rows that came twice with the same content and are held once. */
  readonly repeated: number
  readonly lastKey: string
}

export interface BatchOptions {
  readonly columns: number
  /** Place of the key among the cells. */
  readonly keyAt: number
  readonly maxRows: number
  readonly maxBytes: number
  /** Told how many milliseconds the source took for a portion. */
  readonly onRead: (milliseconds: number) => void
}

/**
 * The rows of a query that is ordered by its key, in batches. Their size follows the bytes of the rows: the first is small, as nothing
 * is known of them, and each may have eight times the rows of the one before.
 * Throws KEY_IS_NULL, and KEY_NOT_UNIQUE for two rows of one key with different content.
 */
export async function* readBatches(
  source: Session,
  query: CompiledQuery,
  { columns, keyAt, maxRows, maxBytes, onRead }: BatchOptions,
): AsyncGenerator<TextBatch> {
  let size = Math.min(16, maxRows)
  let previous: Cells | undefined
  let asked = performance.now()
  for await (const portion of source.portions(query, columns, () => size)) {
    onRead(performance.now() - asked)
    const rows = dropRepeated(portion, previous, keyAt)
    const bytes = portion.reduce((sum, row) => sum + bytesOf(row), 0)
    size = nextSize(size, bytes / portion.length, maxRows, maxBytes)
    previous = portion.at(-1)
    yield { rows, repeated: portion.length - rows.length, lastKey: previous?.[keyAt] ?? '' }
    asked = performance.now()
  }
}

/**
 * The same by a binary COPY, for a bulk load: nothing is decoded, and memory holds no more than the bytes of two batches, however large
 * the rows. Only for columns that are `isSameInBinary`.
 */
export function copyBatches(
  copy: BinaryCopy,
  query: CompiledQuery,
  options: Omit<BatchOptions, 'columns'> & { readonly keyType: KeyType },
): AsyncGenerator<Tuples> {
  const onKeyNull = () => {
    throw keyIsNull()
  }
  const onConflict = (key: string) => {
    throw keyNotUnique(key)
  }
  const onCutShort = () => {
    throw readCutShort()
  }
  return cutTuples(timed(copy.out(query), options.onRead), { ...options, onKeyNull, onConflict, onCutShort })
}

async function* timed<T>(pieces: AsyncIterable<T>, onRead: BatchOptions['onRead']): AsyncGenerator<T> {
  let asked = performance.now()
  for await (const piece of pieces) {
    onRead(performance.now() - asked)
    yield piece
    asked = performance.now()
  }
}

/** Asks for the next batch before the caller is done with this one, so that reading overlaps loading. At most two are in memory. */
export async function* ahead<T>(batches: AsyncGenerator<T>): AsyncGenerator<T> {
  let next = batches.next()
  try {
    while (true) {
      const { value, done } = await next
      if (done) return
      next = batches.next()
      // Looked at when its turn comes; until then a failure must not count as unhandled.
      next.catch(() => undefined)
      yield value
    }
  } finally {
    await next.catch(() => undefined)
    await batches.return(undefined)
  }
}

function nextSize(size: number, bytesPerRow: number, maxRows: number, maxBytes: number): number {
  const fitting = Math.floor(maxBytes / Math.max(bytesPerRow, 1))
  return Math.max(1, Math.min(size * 8, maxRows, fitting))
}

function bytesOf(row: Cells): number {
  let bytes = 0
  for (const cell of row) bytes += cell === null ? 1 : cell.length + 1
  return bytes
}

/** Rows of one key stand side by side, also across the border of two batches. */
function dropRepeated(
  portion: readonly Cells[],
  previous: Cells | undefined,
  keyAt: number,
): readonly Cells[] {
  let before = previous
  let isClean = true
  for (const row of portion) {
    const key = row[keyAt]
    if (key === null) throw keyIsNull()
    if (before && before[keyAt] === key) {
      if (!isSame(before, row)) throw keyNotUnique(key ?? '')
      isClean = false
    }
    before = row
  }
  if (isClean) return portion
  return portion.filter((row, index) => (index > 0 ? portion[index - 1] : previous)?.[keyAt] !== row[keyAt])
}

function isSame(one: Cells, other: Cells): boolean {
  return one.every((cell, index) => cell === other[index])
}

function readCutShort(): SyncError {
  return new SyncError(
    'READ_INCOMPLETE',
    'The source said that all rows were sent, and the last of them is cut off.',
    {
      remedy: 'Run it again; look at what stands between this host and the source.',
    },
  )
}

function keyIsNull(): SyncError {
  return new SyncError('KEY_IS_NULL', 'The relation has a row whose key is NULL.', {
    remedy: 'Leave such rows out in the relation, or name another key.',
  })
}

function keyNotUnique(key: string): SyncError {
  const shown = /^[\w-]{1,40}$/.test(key) ? key : 'one key'
  return new SyncError(
    'KEY_NOT_UNIQUE',
    `The relation has several rows with different content for the key ${shown}.`,
    {
      remedy: 'Use a relation with one row for each key: aggregate what it joins.',
    },
  )
}
