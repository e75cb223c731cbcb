import type { CompiledQuery } from 'kysely'

import { SyncError } from '../../domain/errors.js'
import type { BinaryBatch } from '../../postgres/driver/binary-copy.js'
import type { Cells } from '../../postgres/driver/session.js'

/** Rows that are loaded together, in order of their key: as texts, or as the server sent them in binary. */
export type Batch = TextBatch | BinaryBatch

export interface TextBatch {
  readonly rows: readonly Cells[]
  /** Rows that came twice with the same content and are kept once. */
  readonly repeated: number
  readonly lastKey: string
}

/** How many different rows a batch has. */
export const sizeOf = (batch: Batch): number => ('pieces' in batch ? batch.count : batch.rows.length)

/**
 * A way to read the rows of a query that is ordered by its key. Rows of one key that are the same are kept once.
 * Both ways throw KEY_IS_NULL for a row without a key, and KEY_NOT_UNIQUE for two rows of one key with different content.
 */
export interface Extractor<Read extends Batch = Batch> {
  extract(query: CompiledQuery): AsyncGenerator<Read>
}

/** What an extractor has to know of the rows. */
export interface RowLayout {
  readonly columns: number
  /** Position of the key among the columns. */
  readonly keyAt: number
}

/** How large a batch may be, and what is called with the milliseconds that the source took for it. */
export interface BatchLimits {
  readonly maxRows: number
  readonly maxBytes: number
  readonly onRead: (milliseconds: number) => void
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
