import { findRows, headerLength, int32, readKey, trailer } from './binary-copy.js'
import type { BinaryRows, KeyType } from './binary-copy.js'

/** A batch of rows of a binary COPY, with what a run has to know of it. */
export interface BinaryBatch extends BinaryRows {
  readonly bytes: number
  /** Rows that repeat the one before, with the same content, and are kept once. */
  readonly repeated: number
  readonly lastKey: string
  /** Settles when its rows are in the stage, where somebody has begun to put them there. */
  readonly filling?: Promise<void> | undefined
  /** Says that nobody looks at the rows any more, so that their memory can hold the next ones. */
  release(): void
}

export interface CutOptions {
  /** Place of the key among the columns. */
  readonly keyAt: number
  /** The key's type, for its text. */
  readonly keyType: KeyType
  readonly maxRows: number
  readonly maxBytes: number
  readonly onKeyNull: () => never
  /** The stream ended before its trailer: rows may be missing. */
  readonly onCutShort: () => never
  /** A row has the key of the one before and other content. */
  readonly onConflict: (key: string) => never
}

/** One row within a buffer; `key` is the position of the length of its key. */
interface Row {
  readonly data: Buffer
  readonly begin: number
  readonly end: number
  readonly key: number
}

/**
 * Cuts a binary COPY into batches at the borders of its rows, without looking into any value but the key. The format: a header, then for
 * each row `int16 fields, (int32 length, bytes)*`, then -1. https://www.postgresql.org/docs/current/sql-copy.html
 *
 * The bytes of a batch are copied into one buffer, which holds those of a later batch once it is released: what the driver has allocated for
 * them is garbage at once, and little of it.
 */
export async function* cutBatches(
  stream: AsyncIterable<Buffer>,
  options: CutOptions,
): AsyncGenerator<BinaryBatch> {
  const buffers = bufferPool(options.maxBytes)
  let space = newSpace(buffers.take())
  let last: Row | undefined
  let isBegun = false
  let received = 0
  let freed = 0
  for await (const piece of stream) {
    append(space, piece)
    received += piece.length
    if (received >= freedEvery * (freed + 1)) {
      freed += 1
      freeBuffers(freed % wholeEach === 0)
    }
    if (!isBegun && space.filled >= headerLength) {
      isBegun = true
      Object.assign(space, { read: headerLength, kept: headerLength, needed: headerLength + 2 })
    }
    while (isBegun && space.filled >= space.needed) {
      const { ends, keys, needed } = findRows(space.data.subarray(space.read, space.filled), options.keyAt)
      const from = space.read
      let isCut = false
      for (let index = 0; index < ends.length && !isCut; index += 1) {
        const row = {
          data: space.data,
          begin: space.read,
          end: from + (ends[index] ?? 0),
          key: from + (keys[index] ?? 0),
        }
        addRow(space, row, last !== undefined && repeats(last, row, options))
        last = row
        isCut = space.found.count >= options.maxRows || space.found.bytes >= options.maxBytes
      }
      if (isCut && last) {
        // Copied, as whoever takes the batch may release it before the next one begins.
        const rest = Buffer.from(space.data.subarray(space.read, space.filled))
        last = copyOf(last)
        yield toBatch(space, keyOf(last, options), buffers)
        space = newSpace(buffers.take())
        append(space, rest)
      } else space.needed = from + needed
    }
  }
  const rest = space.data.subarray(space.read, space.filled)
  if (!isBegun || !rest.equals(trailer)) options.onCutShort()
  if (last && space.found.count + space.found.repeated > 0)
    yield toBatch(space, keyOf(last, options), buffers)
}

/** Bytes after which the memory of the pieces is freed. */
const freedEvery = 1024 * 1024
/** How many of these times make a whole collection. */
const wholeEach = 16

/** A batch that is being filled. */
interface Space {
  data: Buffer
  /** Bytes of it that were received. */
  filled: number
  /** Where the first row begins that was not found to be whole. */
  read: number
  /** So many bytes have to be there before another row can be whole. */
  needed: number
  /** Where the rows begin that are not yet among the pieces. */
  kept: number
  readonly pieces: Buffer[]
  readonly found: { count: number; bytes: number; repeated: number }
}

const newSpace = (data: Buffer): Space => ({
  ...{ data, filled: 0, read: 0, needed: 2, kept: 0 },
  ...{ pieces: [], found: { count: 0, bytes: 0, repeated: 0 } },
})

function append(space: Space, piece: Buffer): void {
  const size = space.filled + piece.length
  if (size > space.data.length) {
    // What refers to the old buffer keeps it.
    const larger = Buffer.allocUnsafeSlow(Math.max(size + 256 * 1024, 1.25 * space.data.length))
    space.data.copy(larger, 0, 0, space.filled)
    if (space.read > space.kept) space.pieces.push(space.data.subarray(space.kept, space.read))
    space.kept = space.read
    space.data = larger
  }
  piece.copy(space.data, space.filled)
  space.filled = size
}

function addRow(space: Space, { begin, end }: Row, isRepeated: boolean): void {
  if (isRepeated) {
    if (begin > space.kept) space.pieces.push(space.data.subarray(space.kept, begin))
    space.kept = end
    space.found.repeated += 1
  } else {
    space.found.count += 1
    space.found.bytes += end - begin
  }
  space.read = end
}

function toBatch(space: Space, lastKey: string, buffers: BufferPool): BinaryBatch {
  const { data, pieces, found, kept, read } = space
  if (read > kept) pieces.push(data.subarray(kept, read))
  return { pieces, ...found, lastKey, release: () => buffers.giveBack(data) }
}

function copyOf({ data, begin, end, key }: Row): Row {
  return { data: Buffer.from(data.subarray(begin, end)), begin: 0, end: end - begin, key: key - begin }
}

/** Buffers that are used one after the other. */
export interface BufferPool {
  take(): Buffer
  giveBack(buffer: Buffer): void
}

/** What a batch holds at most, and one piece of the driver more. */
export function bufferPool(maxBytes: number): BufferPool {
  const size = Math.min(maxBytes, largestBuffer) + 256 * 1024
  const free: Buffer[] = []
  return {
    take: () => free.pop() ?? Buffer.allocUnsafeSlow(size),
    giveBack: (buffer) => {
      if (buffer.length === size && !free.includes(buffer)) free.push(buffer)
    },
  }
}

/** A larger batch grows to its size, as not every table has so many rows. */
const largestBuffer = 4 * 1024 * 1024

function repeats(last: Row, row: Row, options: CutOptions): boolean {
  const length = int32(row.data, row.key)
  if (length < 0) options.onKeyNull()
  if (int32(last.data, last.key) !== length) return false
  for (let at = 4; at < 4 + length; at += 1) {
    if (row.data[row.key + at] !== last.data[last.key + at]) return false
  }
  const isSame = row.data.subarray(row.begin, row.end).equals(last.data.subarray(last.begin, last.end))
  return isSame || options.onConflict(keyOf(row, options))
}

function keyOf({ data, key }: Row, { keyType, onKeyNull }: CutOptions): string {
  return int32(data, key) < 0 ? onKeyNull() : readKey(data, key, keyType)
}

/**
 * Frees buffers that nobody uses any more. The engine does so by itself once 64 MB of them are there, or 32 MB at the moment when one is
 * created here; in a process that offers `gc`, as the command line does, it happens now, which takes a millisecond. What was in use at two
 * such moments only a whole collection frees, which takes ten, so that is made less often.
 */
function freeBuffers(isWhole: boolean): void {
  if (typeof globalThis.gc === 'function') globalThis.gc({ type: isWhole ? 'major' : 'minor' })
  else Buffer.allocUnsafeSlow(1)
}
