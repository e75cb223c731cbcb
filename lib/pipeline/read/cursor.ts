import type { Cells, Session } from '../../postgres/driver/session.js'
import {
  keyIsNull,
  keyNotUnique,
  type BatchLimits,
  type Extractor,
  type RowLayout,
  type TextBatch,
} from './batches.js'

/**
 * Reads through a cursor, as texts: what `transform` sees, and what a role or a driver without COPY can do. It misses no row of its
 * snapshot: a connection that breaks, or a statement that is cancelled, throws. The size of the batches follows the bytes of the rows: the
 * first is small, as nothing is known of them, and each may have eight times the rows of the one before.
 */
export function cursorExtractor(
  source: Session,
  { columns, keyAt }: RowLayout,
  { maxRows, maxBytes, onRead }: BatchLimits,
): Extractor<TextBatch> {
  return {
    extract: async function* (query) {
      let size = Math.min(16, maxRows)
      let previous: Cells | undefined
      let asked = performance.now()
      for await (const fetched of source.fetch(query, columns, () => size)) {
        onRead(performance.now() - asked)
        const rows = dropRepeated(fetched, previous, keyAt)
        const bytes = fetched.reduce((sum, row) => sum + bytesOf(row), 0)
        size = nextSize(size, bytes / fetched.length, maxRows, maxBytes)
        previous = fetched.at(-1)
        yield { rows, repeated: fetched.length - rows.length, lastKey: previous?.[keyAt] ?? '' }
        asked = performance.now()
      }
    },
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
