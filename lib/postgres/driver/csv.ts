import type { Cells } from './session.js'

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
