import { isUtf8 } from 'node:buffer'

import { findRows, int32, type BinaryRows } from './binary-copy.js'
import type { BufferPool } from './cut-batches.js'
import type { Cells, Destination } from './session.js'
import { brokenText, decode } from './texts.js'
import { unreadable } from './wire-error.js'
import { wireFailure } from './wire-failure.js'

/** One of the rows whose values are the bytes of texts. */
export interface TextRow {
  readonly cells: Cells
  /** Where it lies. */
  readonly data: Buffer
  readonly begin: number
  readonly end: number
}

/** The rows as texts, one after the other, so that no more than one needs to be in memory. */
export function* textRows({ pieces }: Pick<BinaryRows, 'pieces'>): Iterable<TextRow> {
  for (const data of pieces) {
    for (let at = 0; at < data.length;) {
      const begin = at
      const cells: (string | null)[] = []
      const fields = data.readInt16BE(at)
      at += 2
      for (let field = 0; field < fields; field += 1) {
        const length = int32(data, at)
        const from = at + 4
        at = length > 0 ? from + length : from
        cells.push(length < 0 ? null : textOf(data, from, at))
      }
      yield { cells, data, begin, end: at }
    }
  }
}

/** All of them. */
export const allCells = (rows: Pick<BinaryRows, 'pieces'>): Cells[] =>
  Array.from(textRows(rows), ({ cells }) => cells)

/** The row with a key, which is the text of the cell at a place. */
export function cellsOf(rows: BinaryRows, keyAt: number, key: string): Cells | undefined {
  for (const piece of rows.pieces) {
    const { ends, keys } = findRows(piece, keyAt)
    const index = keys.findIndex((at) => {
      const length = Math.max(0, int32(piece, at))
      return textOf(piece, at + 4, at + 4 + length) === key
    })
    if (index < 0) continue
    const row = piece.subarray(index > 0 ? ends[index - 1] : 0, ends[index])
    return allCells({ pieces: [row] })[0]
  }
  return undefined
}

const replacement = '\ufffd'

function textOf(data: Buffer, from: number, to: number): string {
  let text: string
  try {
    text = data.toString('utf8', from, to)
  } catch (cause) {
    throw wireFailure('source', unreadable(cause))
  }
  // It stands for bytes that are no text, or for itself.
  return text.includes(replacement) ? decode(data.subarray(from, to)) : text
}

/** The rows with their place among them behind their cells, and behind it once more the cells at these places. */
export function* withRepeated(pieces: readonly Buffer[], places: readonly number[]): Iterable<Buffer> {
  let parts: Buffer[] = []
  let bytes = 0
  let place = 0
  for (const data of pieces) {
    for (let at = 0; at < data.length; place += 1) {
      const begin = at
      const cells: Buffer[] = []
      const fields = data.readInt16BE(at)
      at += 2
      for (let field = 0; field < fields; field += 1) {
        const next = at + 4 + Math.max(0, int32(data, at))
        cells.push(data.subarray(at, next))
        at = next
      }
      const count = Buffer.allocUnsafe(2)
      count.writeInt16BE(fields + 1 + places.length)
      const more = places.flatMap((index) => cells[index] ?? [])
      parts.push(count, data.subarray(begin + 2, at), cellOf(String(place)), ...more)
      bytes += at - begin
      if (bytes < largerBuffer) continue
      yield Buffer.concat(parts)
      parts = []
      bytes = 0
    }
  }
  if (parts.length > 0) yield Buffer.concat(parts)
}

function cellOf(text: string): Buffer {
  const length = Buffer.byteLength(text)
  const cell = Buffer.allocUnsafe(4 + length)
  cell.writeInt32BE(length)
  cell.write(text, 4)
  return cell
}

/** Writes rows in that form. */
export interface RowWriter {
  /** The row, of which the cells that are the same as before need not be written anew. */
  add(cells: Cells, before: TextRow): void
  /** The rows that were added; `release` says that nobody looks at them any more. */
  rows(): BinaryRows & { release(): void }
}

/** Writes rows one behind the other into a buffer of the pool, and into larger ones once it is full. */
export function rowWriter(buffers: BufferPool): RowWriter {
  const first = buffers.take()
  const full: Buffer[] = []
  let out = first
  /** Where the row begins that is being written, which is moved whole, and where it ends so far. */
  let begin = 0
  let to = 0
  let count = 0

  function reserve(bytes: number): void {
    if (to + bytes <= out.length) return
    if (begin > 0) full.push(out.subarray(0, begin))
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * (to - begin + bytes), largerBuffer))
    out.copy(larger, 0, begin, to)
    out = larger
    to -= begin
    begin = 0
  }

  function copy(data: Buffer, from: number, end: number): void {
    reserve(end - from)
    to += data.copy(out, to, from, end)
  }

  function write(cell: string | null): void {
    // No character of a string takes more than three bytes.
    reserve(4 + 3 * (cell?.length ?? 0))
    const written = cell === null ? -1 : out.write(cell, to + 4, 'utf8')
    to = out.writeInt32BE(written, to) + Math.max(0, written)
  }

  return {
    add: (cells, { cells: before, data, begin: from, end }) => {
      begin = to
      let copied = from
      let at = from + 2
      cells.forEach((cell, index) => {
        const next = at + 4 + Math.max(0, int32(data, at))
        if (cell !== before[index]) {
          copy(data, copied, at)
          write(cell)
          copied = next
        }
        at = next
      })
      copy(data, copied, end)
      count += 1
    },
    rows: () => ({
      pieces: to > 0 ? [...full, out.subarray(0, to)] : full,
      count,
      release: () => buffers.giveBack(first),
    }),
  }
}

/** Bytes of a buffer that is larger than what one row needs. */
const largerBuffer = 1024 * 1024

const separator = 0x1f
const quote = 0x1e
const lineEnd = 0x0a
const carriageReturn = 0x0d
const backslash = 0x5c
const dot = 0x2e

/** Bytes of a piece. A cell that may take more is sent from where it lies, so that no second copy of it is in memory. */
const pieceLength = 128 * 1024
const largeCell = 32 * 1024

/**
 * What `csvPieces` writes, of rows whose values are the bytes of texts, in the form of a binary COPY. The bytes are moved without being made
 * strings. Throws, with the column, for a text that is not UTF-8, and for a NUL.
 */
export function* csvOfTexts(table: Destination, pieces: Iterable<Buffer>): Iterable<Buffer> {
  let out = Buffer.allocUnsafeSlow(pieceLength)
  let to = 0
  for (const data of pieces) {
    const checked = (written: Buffer): Buffer => {
      if (!isUtf8(written)) throw brokenText(nameOfBroken(table, data))
      return written
    }
    for (let at = 0; at < data.length;) {
      const fields = ((data[at] ?? 0) << 8) | (data[at + 1] ?? 0)
      at += 2
      for (let field = 0; field < fields; field += 1) {
        const length = int32(data, at)
        const from = at + 4
        at = length > 0 ? from + length : from
        // Each byte of a cell can take two, and there are the separator, two quotes and the end of the line.
        if (to + 2 * Math.min(Math.max(length, 0), largeCell) + 4 > pieceLength) {
          yield checked(out.subarray(0, to))
          out = Buffer.allocUnsafeSlow(pieceLength)
          to = 0
        }
        if (field > 0) out[to++] = separator
        if (length < 0) continue
        const what = lookAt(data, from, at)
        if (what === 'broken') throw brokenText(table.columns[field]?.name)
        if (length > largeCell) {
          yield checked(out.subarray(0, to))
          out = Buffer.allocUnsafeSlow(pieceLength)
          to = 0
          const cell = checked(data.subarray(from, at))
          yield* what === 'plain' ? slices(cell) : quotedSlices(cell)
        } else
          to = what === 'plain' ? copyPlain(data, from, at, out, to) : copyQuoted(data, from, at, out, to)
      }
      out[to++] = lineEnd
    }
    // Of the next piece, none of this one is known to be broken.
    yield checked(out.subarray(0, to))
    out = Buffer.allocUnsafeSlow(pieceLength)
    to = 0
  }
}

/** Whether a cell can be sent as it is, has to be quoted, or is no text. */
function lookAt(data: Buffer, from: number, to: number): 'plain' | 'special' | 'broken' {
  // Unquoted, an empty cell is NULL, and `\.` alone on a line would end the input in releases before 18.
  let isSpecial = from === to || (to - from === 2 && data[from] === backslash && data[from + 1] === dot)
  for (let at = from; at < to; at += 1) {
    const byte = data[at] ?? 0
    if (byte > separator) continue
    if (byte === 0) return 'broken'
    if (byte === quote || byte === separator || byte === lineEnd || byte === carriageReturn) isSpecial = true
  }
  return isSpecial ? 'special' : 'plain'
}

/** A call into the engine takes longer than to move a few bytes. */
const fewBytes = 128

function copyPlain(data: Buffer, from: number, end: number, out: Buffer, to: number): number {
  const length = end - from
  if (length > fewBytes) data.copy(out, to, from, end)
  else for (let at = 0; at < length; at += 1) out[to + at] = data[from + at] ?? 0
  return to + length
}

function copyQuoted(data: Buffer, from: number, end: number, out: Buffer, begin: number): number {
  let to = begin
  out[to++] = quote
  for (let at = from; at < end; at += 1) {
    const byte = data[at] ?? 0
    if (byte === quote) out[to++] = quote
    out[to++] = byte
  }
  out[to++] = quote
  return to
}

const quoteAlone = Buffer.from([quote])

function* slices(cell: Buffer): Iterable<Buffer> {
  for (let at = 0; at < cell.length; at += pieceLength) yield cell.subarray(at, at + pieceLength)
}

function* quotedSlices(cell: Buffer): Iterable<Buffer> {
  yield quoteAlone
  let from = 0
  while (from < cell.length) {
    const found = cell.indexOf(quote, from)
    const end = found < 0 ? cell.length : found + 1
    yield* slices(cell.subarray(from, end))
    if (found >= 0) yield quoteAlone
    from = end
  }
  yield quoteAlone
}

/** The first column with a text that is not UTF-8. */
function nameOfBroken({ columns }: Destination, data: Buffer): string | undefined {
  for (let at = 0; at < data.length;) {
    const fields = data.readInt16BE(at)
    at += 2
    for (let field = 0; field < fields; field += 1) {
      const length = Math.max(0, int32(data, at))
      if (!isUtf8(data.subarray(at + 4, at + 4 + length))) return columns[field]?.name
      at += 4 + length
    }
  }
  return undefined
}
