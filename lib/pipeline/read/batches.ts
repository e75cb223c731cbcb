import type { CompiledQuery } from 'kysely'

import { SyncError } from '../../domain/errors.js'
import {
  allKeys,
  binaryKeyType,
  headerLength,
  trailer,
  type KeyType,
} from '../../postgres/driver/binary-copy.js'
import { cutBatches, type BinaryBatch } from '../../postgres/driver/cut-batches.js'
import type { BinaryCopy, Session } from '../../postgres/driver/session.js'
import { allCells } from '../../postgres/driver/text-rows.js'
import { isRaw } from '../../postgres/driver/texts.js'
import { keyColumnOf, keyPosition, type LoadPlan } from '../../postgres/target/load-plan.js'
import { keyIsNull, keyNotUnique, textBatches, type TextBatch } from './text-batches.js'

/** Rows that are loaded together, in order of their key: as texts, as the bytes of texts, or as the server sent them in binary. */
export type Batch = TextBatch | WireBatch | BinaryBatch

/** Each value is the bytes of its text. */
export interface WireBatch extends BinaryBatch {
  readonly isText: true
}

/** How many different rows a batch has. */
export const sizeOf = (batch: Batch): number => ('pieces' in batch ? batch.count : batch.rows.length)

/**
 * A way to read the rows of a query that is ordered by its key. Rows of one key that are the same are kept once.
 * Both ways throw KEY_IS_NULL for a row without a key, and KEY_NOT_UNIQUE for two rows of one key with different content.
 */
export interface Extractor<Read extends Batch = Batch> {
  /** Whether no value is looked at on the way, so that the query may return whatever has the same binary form. */
  readonly isBinary: boolean
  /** `pass` is run before it in the same transaction: what the query finds in settings, as a COPY takes no parameters. */
  extract(query: CompiledQuery, pass?: CompiledQuery): AsyncGenerator<Read>
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

/** The keys of the rows of a batch as texts. */
export function keysOf(plan: LoadPlan, batch: Batch): readonly string[] {
  const keyAt = keyPosition(plan)
  if ('rows' in batch) return batch.rows.map((row) => row[keyAt] ?? '')
  const keyType = isWire(batch) ? undefined : binaryKeyType(keyColumnOf(plan).definition)
  return allKeys(batch, keyAt, keyType ?? 'text')
}

/** Whether each value of a batch is the bytes of its text. */
export const isWire = (batch: Batch): batch is WireBatch => 'isText' in batch

/** Batches as texts, for whoever looks at all of their values. */
export async function* asTexts(batches: AsyncIterable<TextBatch | WireBatch>): AsyncGenerator<TextBatch> {
  for await (const batch of batches) {
    if (!isWire(batch)) yield batch
    else {
      const { repeated, lastKey } = batch
      const rows = allCells(batch)
      batch.release()
      yield { rows, repeated, lastKey }
    }
  }
}

/**
 * Reads through a cursor, as texts: what `transform` sees, and what a role or a driver without COPY can do. It misses no row of its
 * snapshot: a connection that breaks, or a statement that is cancelled, throws. Of a driver that shows them, the rows stay the bytes that the
 * server sent. Texts of a database without an encoding may be none, so they are looked at.
 */
export function cursorExtractor(
  source: Session,
  layout: RowLayout,
  limits: BatchLimits,
): Extractor<TextBatch | WireBatch> {
  return {
    isBinary: false,
    extract: (query) => {
      // Asked for each time, as a session that reconnects has another one.
      const fetch = source.copy?.fetchTexts
      return fetch && !isRaw(source.encoding())
        ? wireBatches(fetch, query, layout, limits)
        : textBatches(source, query, layout, limits)
    },
  }
}

async function* wireBatches(
  fetch: NonNullable<BinaryCopy['fetchTexts']>,
  query: CompiledQuery,
  { keyAt }: Pick<RowLayout, 'keyAt'>,
  { onRead, ...limits }: BatchLimits,
): AsyncGenerator<WireBatch> {
  const stream = framed(timed(fetch(query, limits), onRead))
  for await (const batch of cutBatches(stream, { keyAt, keyType: 'text', ...limits, ...errors })) {
    yield { ...batch, isText: true }
  }
}

/** The cursor has said which row was the last one. */
async function* framed(rows: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield Buffer.alloc(headerLength)
  yield* rows
  yield trailer
}

/**
 * Reads by a binary COPY, for a bulk load: no value but the key is decoded, and memory holds no more than the bytes of two batches, however
 * large the rows. Only for columns that have the same binary form on both servers. It misses no row of its snapshot: a stream that
 * ends before its trailer throws READ_INCOMPLETE. It is one statement, so the statement timeout bounds the whole read.
 */
export function copyExtractor(
  source: Pick<Session, 'copy' | 'rows'>,
  { keyAt, keyType }: { readonly keyAt: number; readonly keyType: KeyType },
  { onRead, ...limits }: BatchLimits,
): Extractor<BinaryBatch> {
  return {
    isBinary: true,
    extract: (query, pass) =>
      cutBatches(timed(copyOut(source, query, pass), onRead), { keyAt, keyType, ...limits, ...errors }),
  }
}

async function* copyOut(
  source: Pick<Session, 'copy' | 'rows'>,
  query: CompiledQuery,
  pass: CompiledQuery | undefined,
): AsyncGenerator<Buffer> {
  if (pass) await source.rows(pass)
  // Asked for each time, as a session that reconnects has another one.
  const { copy } = source
  if (!copy) throw new TypeError('The connection of the source offers no COPY.')
  yield* copy.out(query)
}

const errors = {
  onKeyNull: (): never => {
    throw keyIsNull()
  },
  onConflict: (key: string): never => {
    throw keyNotUnique(key)
  },
  onCutShort: (): never => {
    throw readCutShort()
  },
}

async function* timed<T>(pieces: AsyncIterable<T>, onRead: BatchLimits['onRead']): AsyncGenerator<T> {
  let asked = performance.now()
  for await (const piece of pieces) {
    onRead(performance.now() - asked)
    yield piece
    asked = performance.now()
  }
}

function readCutShort(): SyncError {
  return new SyncError(
    'READ_INCOMPLETE',
    'The source reported that all rows were sent, and the last of them is cut off.',
    { remedy: 'Run it again; check what is between this host and the source.' },
  )
}

/** Limits of the parts of a batch, so that the target works on them while the source still computes the rest. */
export const partLimits = { maxRows: 64, maxBytes: 256 * 1024 } as const

/**
 * Calls `put` for each part as it comes, behind those before it, and yields them together once they are a batch; batches of texts as they are.
 * It is not to be read ahead of: the next batch begins when nobody works on the one before.
 */
export async function* joinParts(
  parts: AsyncIterable<Batch>,
  { maxRows, maxBytes }: Pick<BatchLimits, 'maxRows' | 'maxBytes'>,
  put: (part: BinaryBatch) => Promise<void>,
): AsyncGenerator<Batch> {
  let batch: BinaryBatch | undefined
  for await (const part of parts) {
    if (!('pieces' in part) || isWire(part)) {
      yield part
      continue
    }
    if (batch && batch.count + part.count > maxRows) {
      yield batch
      batch = undefined
    }
    // After one that was rejected nothing more can be put.
    const filling: Promise<void> = (batch?.filling ?? Promise.resolve()).then(() => put(part))
    // It is awaited with the batch; until then a failure must not count as unhandled.
    filling.catch(() => undefined)
    batch = together(batch, { ...part, filling })
    if (batch.bytes < maxBytes) continue
    yield batch
    batch = undefined
  }
  if (batch) yield batch
}

function together(batch: BinaryBatch | undefined, part: BinaryBatch): BinaryBatch {
  if (!batch) return part
  return {
    ...part,
    pieces: [...batch.pieces, ...part.pieces],
    count: batch.count + part.count,
    bytes: batch.bytes + part.bytes,
    repeated: batch.repeated + part.repeated,
    release: () => {
      batch.release()
      part.release()
    },
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
