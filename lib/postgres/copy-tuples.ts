/** Rows of a binary COPY as the server sent them, with what a run has to know of them. */
export interface Tuples {
  readonly pieces: readonly Buffer[]
  readonly count: number
  readonly bytes: number
  /** Rows that repeat the one before, content and all, and are held once. */
  readonly repeated: number
  readonly lastKey: string
}

export interface TupleOptions {
  /** Place of the key among the columns. */
  readonly keyAt: number
  /** The key's type, for its text. */
  readonly keyType: KeyType
  readonly maxRows: number
  readonly maxBytes: number
  readonly onKeyNull: () => never
  /** A row has the key of the one before and other content. */
  readonly onConflict: (key: string) => never
}

/** Types of which this file can read the binary form. */
export type KeyType = 'smallint' | 'integer' | 'bigint' | 'text'

const signature = 'PGCOPY\n\u00ff\r\n\0'
/** The signature, four bytes of flags, and the length of an extension, which no release sends. */
const headerLength = 19

/**
 * Cuts a binary COPY into batches at the borders of its rows, without looking into any value but the key. The format: a header, then for
 * each row `int16 fields, (int32 length, bytes)*`, then -1. https://www.postgresql.org/docs/current/sql-copy.html
 */
export async function* cutTuples(
  stream: AsyncIterable<Buffer>,
  options: TupleOptions,
): AsyncGenerator<Tuples> {
  let batch = newBatch()
  let previous: Buffer | undefined
  for await (const { data, ends } of wholeTuples(stream)) {
    let at = 0
    let kept = 0
    const keepUpTo = (end: number) => {
      if (end > kept) batch.pieces.push(data.subarray(kept, end))
    }
    for (const end of ends) {
      const tuple = data.subarray(at, end)
      if (previous !== undefined && repeats(previous, tuple, options)) {
        keepUpTo(at)
        kept = end
        batch.repeated += 1
      } else {
        batch.count += 1
        batch.bytes += tuple.length
      }
      previous = tuple
      at = end
      if (batch.count < options.maxRows && batch.bytes < options.maxBytes) continue
      keepUpTo(at)
      kept = at
      yield { ...batch, lastKey: keyOf(tuple, options) }
      batch = newBatch()
    }
    keepUpTo(at)
  }
  if (batch.count + batch.repeated > 0) yield { ...batch, lastKey: previous ? keyOf(previous, options) : '' }
}

/** The stream that loads these rows. */
export function* copyStream({ pieces }: Pick<Tuples, 'pieces'>): Iterable<Buffer> {
  const header = Buffer.alloc(headerLength)
  header.write(signature, 'latin1')
  yield header
  yield* pieces
  yield Buffer.from([0xff, 0xff])
}

const newBatch = () => ({ pieces: [] as Buffer[], count: 0, bytes: 0, repeated: 0 })

/** Rows that lie whole in one buffer, which begins with the first of them, and where each ends. */
interface WholeTuples {
  readonly data: Buffer
  readonly ends: readonly number[]
}

/** A row that comes in many pieces is put together once, when all of it is there. */
async function* wholeTuples(stream: AsyncIterable<Buffer>): AsyncGenerator<WholeTuples> {
  let waiting: Buffer[] = []
  let length = 0
  let needed = headerLength
  let isBegun = false
  for await (const piece of stream) {
    waiting.push(piece)
    length += piece.length
    if (length < needed) continue
    const [first = piece] = waiting
    const all = waiting.length > 1 ? Buffer.concat(waiting) : first
    const data = isBegun ? all : all.subarray(headerLength)
    isBegun = true
    const ends: number[] = []
    let at = 0
    let end = endOfTuple(data, at)
    while (end > 0) {
      ends.push(end)
      at = end
      end = endOfTuple(data, at)
    }
    if (ends.length > 0) yield { data, ends }
    waiting = [data.subarray(at)]
    length = data.length - at
    needed = -end - at
  }
}

/**
 * Where the row that begins at `at` ends. When it is not all there: a negative number, the length of data from which on more of it can
 * be told. After the last row, whose count of fields is -1, no length is enough.
 */
function endOfTuple(data: Buffer, at: number): number {
  let next = at + 2
  if (next > data.length) return -next
  const fields = data.readInt16BE(at)
  if (fields < 0) return -Infinity
  for (let field = 0; field < fields; field += 1) {
    if (next + 4 > data.length) return -(next + 4)
    const length = data.readInt32BE(next)
    next += length > 0 ? 4 + length : 4
  }
  return next <= data.length ? next : -next
}

function repeats(previous: Buffer, tuple: Buffer, options: TupleOptions): boolean {
  const key = keyBytes(tuple, options)
  if (!key.equals(keyBytes(previous, options))) return false
  return previous.equals(tuple) || options.onConflict(keyOf(tuple, options))
}

function keyBytes(tuple: Buffer, { keyAt, onKeyNull }: TupleOptions): Buffer {
  let at = 2
  for (let field = 0; field < keyAt; field += 1) at += 4 + Math.max(tuple.readInt32BE(at), 0)
  const length = tuple.readInt32BE(at)
  return length < 0 ? onKeyNull() : tuple.subarray(at + 4, at + 4 + length)
}

function keyOf(tuple: Buffer, options: TupleOptions): string {
  const key = keyBytes(tuple, options)
  switch (options.keyType) {
    case 'smallint':
      return String(key.readInt16BE())
    case 'integer':
      return String(key.readInt32BE())
    case 'bigint':
      return String(key.readBigInt64BE())
    case 'text':
      return key.toString('utf8')
  }
}
