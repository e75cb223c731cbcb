import type { CompiledQuery } from 'kysely'

import { SyncError } from '../../domain/errors.js'
import type { Cells, FetchLimits, Session } from '../../postgres/driver/session.js'
import { firstRows, nextSize } from '../../postgres/driver/wire-rows.js'

/** Rows as strings. */
export interface TextBatch {
  readonly rows: readonly Cells[]
  /** Rows that came twice with the same content and are kept once. */
  readonly repeated: number
  readonly lastKey: string
}

/**
 * The rows of a query as strings, for a driver that shows no bytes, and for a database whose texts may be none. The size of the batches follows the bytes of the rows: the first is small, as nothing is known of them, and each may
 * have eight times the rows of the one before.
 */
export async function* textBatches(
  source: Session,
  query: CompiledQuery,
  { columns, keyAt }: { readonly columns: number; readonly keyAt: number },
  { onRead, ...limits }: FetchLimits & { readonly onRead: (milliseconds: number) => void },
): AsyncGenerator<TextBatch> {
  let size = Math.min(firstRows, limits.maxRows)
  let previous: Cells | undefined
  let asked = performance.now()
  for await (const fetched of source.fetch(query, columns, () => size)) {
    onRead(performance.now() - asked)
    const rows = dropRepeated(fetched, previous, keyAt)
    const bytes = fetched.reduce((sum, row) => sum + bytesOf(row), 0)
    size = nextSize(size, bytes / fetched.length, limits)
    previous = fetched.at(-1)
    yield { rows, repeated: fetched.length - rows.length, lastKey: previous?.[keyAt] ?? '' }
    asked = performance.now()
  }
}

function bytesOf(row: Cells): number {
  let bytes = 0
  for (const cell of row) bytes += cell === null ? 1 : cell.length + 1
  return bytes
}

/** Rows of one key come one after the other, also across the border of two batches. */
function dropRepeated(
  fetched: readonly Cells[],
  previous: Cells | undefined,
  keyAt: number,
): readonly Cells[] {
  let before = previous
  let isClean = true
  for (const row of fetched) {
    const key = row[keyAt]
    if (key === null) throw keyIsNull()
    if (before && before[keyAt] === key) {
      if (!isSame(before, row)) throw keyNotUnique(key ?? '')
      isClean = false
    }
    before = row
  }
  if (isClean) return fetched
  return fetched.filter((row, index) => (index > 0 ? fetched[index - 1] : previous)?.[keyAt] !== row[keyAt])
}

function isSame(one: Cells, other: Cells): boolean {
  return one.every((cell, index) => cell === other[index])
}

export function keyIsNull(): SyncError {
  return new SyncError('KEY_IS_NULL', 'The relation has a row whose key is NULL.', {
    remedy: 'Filter such rows out in the relation, or name another key.',
  })
}

export function keyNotUnique(key: string): SyncError {
  const shown = /^[\w-]{1,40}$/.test(key) ? key : 'one key'
  return new SyncError(
    'KEY_NOT_UNIQUE',
    `The relation has several rows with different content for the key ${shown}.`,
    { remedy: 'Use a relation with one row for each key: aggregate what it joins.' },
  )
}
