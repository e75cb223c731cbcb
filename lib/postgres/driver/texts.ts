import { CompiledQuery, sql, type RawBuilder } from 'kysely'

import { SyncError } from '../../domain/errors.js'
import type { Cells, Destination } from './session.js'

/**
 * Options of the COPY that reads what `csvPieces` writes. The separators are control characters that texts hardly ever hold, so that a
 * cell needs quoting only in the rare case; an unquoted empty cell is NULL, which is what joining an array makes of null.
 */
export const csvOptions = `format csv, delimiter e'\\x1f', quote e'\\x1e', null ''`

const separator = '\u001f'
const quote = '\u001e'
const special = /[\u001e\u001f\n\r]/

/** Characters of a piece, roughly; a cell that is larger goes in several, so that no second copy of it is in memory. */
const pieceLength = 1024 * 1024

/**
 * Rows as COPY input, in pieces, as one string for all of them would hold them twice. A cell is quoted only where it must be: looking at
 * every cell of a wide table costs more than sending it.
 */
export function* csvPieces(rows: readonly Cells[]): Iterable<Buffer> {
  let text = ''
  for (const row of rows) {
    const isLarge = row.some((cell) => cell !== null && cell.length > pieceLength)
    if (!isLarge) text += `${row.map(toCell).join(separator)}\n`
    if (isLarge || text.length > pieceLength) {
      yield Buffer.from(text)
      text = ''
    }
    if (isLarge) yield* largeRow(row)
  }
  yield Buffer.from(text)
}

function* largeRow(row: Cells): Iterable<Buffer> {
  for (const [index, cell] of row.entries()) {
    if (index > 0) yield Buffer.from(separator)
    yield* slices(toCell(cell) ?? '')
  }
  yield Buffer.from('\n')
}

/** Not cut within a surrogate pair, whose halves have no bytes of their own. */
function* slices(text: string): Iterable<Buffer> {
  let from = 0
  while (from < text.length) {
    const end = from + pieceLength
    const to = /[\ud800-\udbff]/.test(text.charAt(end - 1)) ? end + 1 : end
    yield Buffer.from(text.slice(from, to))
    from = to
  }
}

function toCell(cell: string | null): string | null {
  if (cell === null) return null
  // `\.` alone on a line would end the input in releases before 18.
  if (cell !== '' && cell !== '\\.' && !special.test(cell)) return cell
  return `${quote}${cell.replaceAll(quote, quote + quote)}${quote}`
}

/** Whether texts are bytes to the server, which may be no texts at all: what it sends is not checked then, and is taken as bytes. */
export const isRaw = (encoding: string | undefined): boolean => encoding === 'SQL_ASCII'

/** Whether the server hashes texts as other bytes than UTF-8. */
export const isForeign = (encoding: string | undefined): boolean =>
  encoding !== undefined && encoding !== 'UTF8' && !isRaw(encoding)

/** The rows that `read` returns of a query, as texts also where the database has no encoding. */
export function readTexts(
  encoding: string | undefined,
  query: CompiledQuery,
  columns: number,
  read: (query: CompiledQuery) => AsyncIterable<readonly Cells[]>,
): AsyncIterable<readonly Cells[]> {
  return isRaw(encoding) ? decoded(read(asBytes(query, columns))) : read(query)
}

/** The query with every cell as the hexadecimal form of the bytes of its text, for `decoded`. */
function asBytes({ sql, parameters }: CompiledQuery, columns: number): CompiledQuery {
  const names = Array.from({ length: columns }, (_, index) => `c${index}`)
  const cells = names.map(
    (name) =>
      `pg_catalog.encode(pg_catalog.convert_to(raw.${name}::pg_catalog.text, 'SQL_ASCII'), 'hex') as ${name}`,
  )
  return CompiledQuery.raw(`select ${cells.join(', ')} from (${sql}) raw (${names.join(', ')})`, [
    ...parameters,
  ])
}

/** The texts of rows that came by `asBytes`. */
async function* decoded(batches: AsyncIterable<readonly Cells[]>): AsyncGenerator<readonly Cells[]> {
  for await (const batch of batches) yield batch.map(decodeCells)
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decodeCells(cells: Cells): Cells {
  return cells.map((cell) => (cell === null ? null : decode(Buffer.from(cell, 'hex'))))
}

/** A text by its bytes. One that is not UTF-8 keeps them as lone surrogates, so that it is no text to anybody. */
export function decode(bytes: Buffer): string {
  try {
    return decoder.decode(bytes)
  } catch {
    return Array.from(bytes.toString('latin1'), (character) => {
      const code = character.charCodeAt(0)
      return code < 0x80 ? character : String.fromCharCode(0xdc00 + code)
    }).join('')
  }
}

/**
 * Throws, as the server would and with the column, for a text that has no bytes in UTF-8: one that was not UTF-8 in the source, or that a
 * transform has cut in the middle of a character. Sent to the server it would become another text. Nor does any server take a NUL.
 */
export function requireTexts({ columns }: Destination, rows: readonly Cells[]): void {
  for (const row of rows) {
    const at = row.findIndex((cell) => cell !== null && isBroken(cell))
    if (at >= 0) throw brokenText(columns[at]?.name)
  }
}

/** As the server would say it, and with the column. */
export function brokenText(column: string | undefined): SyncError {
  return new SyncError('TARGET_FAILED', `A text of the column ${column ?? ''} is not UTF-8.`, {
    details: { sqlState: '22021' },
    cause: { column },
  })
}

/** A key in the form in which it can be recorded: with the bytes that are no text as `\\xe7`. */
export const recordable = (key: string): string =>
  key.isWellFormed()
    ? key
    : key.replaceAll(/[\udc80-\udcff]/g, (byte) => `\\x${(byte.charCodeAt(0) - 0xdc00).toString(16)}`)

/** Whether a key in that form is of a row that no statement on a database in this encoding can name, as its bytes are no text. */
export const isNameless = (encoding: string | undefined, key: string): boolean =>
  isRaw(encoding) && /\\x[89a-f][0-9a-f]/.test(key)

/** How a statement on a database in this encoding returns a key, and how it is read, so that keys which are no texts stay apart. */
export function recordableBy(encoding: string | undefined) {
  if (!isRaw(encoding)) return { of: (key: RawBuilder<unknown>) => key, read: (text: string) => text }
  return {
    of: (key: RawBuilder<unknown>) => sql`encode(convert_to(${key}, 'SQL_ASCII'), 'hex')`,
    read: (hex: string) => recordable(decode(Buffer.from(hex, 'hex'))),
  }
}

/** Both look at no more than the bytes of a text, which a regular expression decodes. */
const isBroken = (text: string): boolean => !text.isWellFormed() || text.includes('\0')
