import type { Cells } from './session.js'

/**
 * Options of the COPY that reads what `toCsv` writes. The separators are control characters that texts hardly ever hold, so that a
 * cell needs quoting only in the rare case; an unquoted empty cell is NULL, which is what joining an array makes of null.
 */
export const csvOptions = `format csv, delimiter e'\\x1f', quote e'\\x1e', null ''`

const separator = '\u001f'
const quote = '\u001e'
const special = /[\u001e\u001f\n\r]/

/** Rows as COPY input. A cell is quoted only where it must be: looking at every cell of a wide table costs more than sending it. */
export function toCsv(rows: readonly Cells[]): string {
  let text = ''
  for (const row of rows) text += `${row.map(toCell).join(separator)}\n`
  return text
}

function toCell(cell: string | null): string | null {
  if (cell === null) return null
  // `\.` alone on a line would end the input in releases before 18.
  if (cell !== '' && cell !== '\\.' && !special.test(cell)) return cell
  return `${quote}${cell.replaceAll(quote, quote + quote)}${quote}`
}
