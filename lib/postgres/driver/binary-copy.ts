import { sql, type RawBuilder } from 'kysely'

import { decode } from './texts.js'
import { isBuiltIn, isOneOf, type ColumnType, type TypeKind } from './types/column-type.js'

/** Rows of a binary COPY as the server sent them. */
export interface BinaryRows {
  readonly pieces: readonly Buffer[]
  readonly count: number
}

/** Types of which this file can read the binary form. */
export type KeyType = 'smallint' | 'integer' | 'bigint' | 'text'

const signature = 'PGCOPY\n\u00ff\r\n\0'
/** The signature, four bytes of flags, and the length of an extension, which no release sends. */
export const headerLength = 19

/** A count of fields that no row has. */
export const trailer = Buffer.from([0xff, 0xff])

/** The stream that loads these rows by COPY. */
export function* copyStream({ pieces }: Pick<BinaryRows, 'pieces'>): Iterable<Buffer> {
  const header = Buffer.alloc(headerLength)
  header.write(signature, 'latin1')
  yield header
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; at += sentAtOnce) yield piece.subarray(at, at + sentAtOnce)
  }
  yield trailer
}

/** Bytes of one message: TLS keeps the whole of it a second time. */
const sentAtOnce = 128 * 1024

/**
 * Walks over the lengths of all fields, which is the whole cost of cutting, so nothing is allocated on the way. `needed` is the length of
 * data at which another row may be whole; after the last row, whose count of fields is -1, no length is enough.
 */
export function findRows(data: Buffer, keyAt: number) {
  const ends: number[] = []
  const keys: number[] = []
  const size = data.length
  let begin = 0
  while (begin + 2 <= size) {
    const fields = ((data[begin] ?? 0) << 8) | (data[begin + 1] ?? 0)
    if (fields === 0xffff) return { ends, keys, needed: Infinity }
    let next = begin + 2
    let key = next
    for (let field = 0; field < fields; field += 1) {
      if (next + 4 > size) return { ends, keys, needed: next + 4 }
      if (field === keyAt) key = next
      const length = int32(data, next)
      next += length > 0 ? 4 + length : 4
    }
    if (next > size) return { ends, keys, needed: next }
    ends.push(next)
    keys.push(key)
    begin = next
  }
  return { ends, keys, needed: begin + 2 }
}

/** As `readInt32BE`, without its checks. */
export function int32(data: Buffer, at: number): number {
  return (
    ((data[at] ?? 0) << 24) | ((data[at + 1] ?? 0) << 16) | ((data[at + 2] ?? 0) << 8) | (data[at + 3] ?? 0)
  )
}

/** The text of a key, whose length is at position `key`. */
export function readKey(data: Buffer, key: number, keyType: KeyType): string {
  switch (keyType) {
    case 'smallint':
      return String(data.readInt16BE(key + 4))
    case 'integer':
      return String(data.readInt32BE(key + 4))
    case 'bigint':
      return String(data.readBigInt64BE(key + 4))
    case 'text':
      return decode(data.subarray(key + 4, key + 4 + int32(data, key)))
  }
}

/** Both halves of the rows, more than one, without copying any. */
export function halve({ pieces, count }: BinaryRows): readonly [BinaryRows, BinaryRows] {
  const first: Buffer[] = []
  const second: Buffer[] = []
  const wanted = count >> 1
  let found = 0
  for (const piece of pieces) {
    if (found >= wanted) {
      second.push(piece)
      continue
    }
    const { ends } = findRows(piece, 0)
    const cut = wanted - found >= ends.length ? piece.length : (ends[wanted - found - 1] ?? 0)
    found += ends.length
    first.push(piece.subarray(0, cut))
    if (cut < piece.length) second.push(piece.subarray(cut))
  }
  return [
    { pieces: first, count: wanted },
    { pieces: second, count: count - wanted },
  ]
}

/** The key of the first row as text; `keyAt` is its place among the columns. */
export function firstKey({ pieces }: BinaryRows, keyAt: number, keyType: KeyType): string {
  const [data] = pieces
  if (!data) throw new TypeError('There is no row.')
  const [key = 0] = findRows(data, keyAt).keys
  return readKey(data, key, keyType)
}

/** The keys of all rows as texts. */
export function allKeys({ pieces }: BinaryRows, keyAt: number, keyType: KeyType): string[] {
  return pieces.flatMap((data) => findRows(data, keyAt).keys.map((key) => readKey(data, key, keyType)))
}

/** Kinds whose binary form is the same on every release and does not name other types by number. */
const portable: ReadonlySet<TypeKind> = new Set<TypeKind>([
  ...(['smallint', 'integer', 'bigint', 'real', 'double', 'numeric', 'boolean', 'text', 'varchar'] as const),
  ...(['date', 'time', 'timestamp', 'timestamptz', 'interval'] as const),
  ...(['uuid', 'json', 'jsonb', 'bytea', 'network'] as const),
])

const portableElements: ReadonlySet<TypeKind> = new Set<TypeKind>([
  ...(['text', 'varchar', 'integer', 'bigint', 'timestamp'] as const),
])

/** Whether the binary form of one type can be read as the other. */
export function isSameInBinary(from: ColumnType, to: ColumnType): boolean {
  if (!isBuiltIn(from) || !isBuiltIn(to)) return false
  if (to.element) return isSameArray(from, to)
  const isText = ({ kind }: ColumnType) => kind === 'text' || kind === 'varchar'
  return portable.has(to.kind) && (from.oid === to.oid || (isText(from) && isText(to)))
}

/** The binary form of an array names the type of its elements, a domain by the domain. */
function isSameArray(from: ColumnType, to: ColumnType): boolean {
  const [here, there] = [from.element, to.element]
  if (!here || !there || here.isDomain || there.isDomain) return false
  return from.oid === to.oid && portableElements.has(there.kind)
}

/** How a key's binary form is read; undefined for a key that can only be read as text. */
export function binaryKeyType(type: ColumnType): KeyType | undefined {
  const { kind } = type
  if (kind === 'smallint' || kind === 'integer' || kind === 'bigint') return kind
  return isBuiltIn(type) && isOneOf(kind, 'text', 'varchar') ? 'text' : undefined
}

/**
 * JSON as bytes that are the binary form of jsonb: the number of its version, and the text. So the server that sends it neither parses the
 * text nor writes it anew, and the one that receives it parses it as it would anyway.
 */
export function jsonbBytes(json: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`convert_to(chr(1) || ${json}::text, 'UTF8')`
}

/** What a piece of the wire holds while rows come. */
export interface Unwrapped {
  /** The rows in it, without the heads of the messages that bring them. */
  readonly rows: Buffer
  /** How many messages with rows begin in it. */
  readonly count: number
  /** Whole or begun messages of other kinds, for the parser of the driver. */
  readonly others: Buffer
}

/** Bytes before the body of a message: its type, and its length with itself in four. */
const headSize = 5

const typeOf = (letter: string) => letter.charCodeAt(0)
/** In which messages rows come. */
interface RowMessages {
  readonly type: number
  /** Whether no row can come after a message of another type. */
  readonly isLast: (type: number) => boolean
}

/** What may come between two messages of rows; anything else ends the COPY. */
const between: ReadonlySet<number> = new Set(['H', 'S', 'N', 'A'].map(typeOf))

/** The rows of a COPY. */
export const copyRows: RowMessages = { type: typeOf('d'), isLast: (type) => !between.has(type) }

/** The rows of a statement, each of which has the form of a row of a binary COPY, with its values in the form that was asked for. */
export const dataRows: RowMessages = { type: typeOf('D'), isLast: () => false }

/**
 * Takes the rows out of the messages that bring them: each row is one message, and the driver would put them together in new memory twice, or
 * make a string of each value. They are moved together where they lie, in the memory that the socket has filled and that nobody else uses.
 * `onRow` is called with the bytes of each.
 */
export function unwrapRows(
  { type: rowType, isLast }: RowMessages,
  onRow?: (bytes: number) => void,
): (piece: Buffer) => Unwrapped {
  const head = Buffer.alloc(headSize)
  let known = 0
  let body = 0
  let isData = false
  let hasEnded = false

  return (piece) => {
    const others: Buffer[] = []
    let at = 0
    let to = 0
    let count = 0
    while (at < piece.length && !hasEnded) {
      if (body > 0) {
        const length = Math.min(body, piece.length - at)
        if (isData) {
          if (to !== at) piece.copyWithin(to, at, at + length)
          to += length
        } else others.push(Buffer.from(piece.subarray(at, at + length)))
        body -= length
        at += length
        continue
      }
      const copied = piece.copy(head, known, at, at + headSize - known)
      known += copied
      at += copied
      if (known < headSize) break
      known = 0
      const type = head[0] ?? 0
      isData = type === rowType
      body = head.readInt32BE(1) - 4
      if (isData) {
        count += 1
        onRow?.(body)
      } else others.push(Buffer.from(head))
      hasEnded = !isData && isLast(type)
    }
    if (hasEnded && at < piece.length) others.push(piece.subarray(at))
    return { rows: piece.subarray(0, to), count, others: Buffer.concat(others) }
  }
}
