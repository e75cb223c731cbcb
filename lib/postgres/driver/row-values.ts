import { cellValue } from './cell-value.js'
import type { Column } from './catalog.js'
import type { Cells } from './session.js'

/** Turns texts into the values that a caller sees, and back; made once for the columns of a run. */
export interface RowValues<Row> {
  toRow(cells: Cells): Row
  /** `before` is what the row was made of. Throws what `onUnstorable` returns for a value that has no text. */
  toCells(row: Row, before: Cells): Cells
}

/**
 * Integers become numbers, booleans booleans, bytea a Buffer, json its value and arrays of texts arrays; everything else stays the server's text:
 * bigint, numeric, times and dates would lose digits. So would numbers within json, which is why a value that is returned as it was is
 * loaded as the text that it was parsed from. What the names of the columns make of `Row`, the catalog vouches for.
 */
export function rowValues<Row extends object>(
  columns: readonly Column[],
  onUnstorable: (column: string, cause: unknown) => Error,
): RowValues<Row> {
  const values = columns.map((column) => ({ name: column.name, ...cellValue(column) }))
  return {
    toRow: (cells) => {
      const row: Record<string, unknown> = {}
      values.forEach(({ name, parse }, index) => {
        const cell = cells[index] ?? null
        setField(row, name, cell === null ? null : parse(cell))
      })
      return row as Row
    },
    toCells: (row, before) =>
      values.map(({ name, isUntouched, toCell }, index) => {
        const value = fieldOf(row, name)
        const cell = before[index] ?? null
        if (cell !== null && isUntouched(value, cell)) return cell
        try {
          return rejectable(toCell(value))
        } catch (cause) {
          throw onUnstorable(name, cause)
        }
      }),
  }
}

/** A plain assignment to `__proto__` would set no field. */
function setField(row: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') row[name] = value
  else Object.defineProperty(row, name, { value, enumerable: true, configurable: true, writable: true })
}

/** A column such as `constructor` is no field of a row that lacks it, though every object has such a property. */
function fieldOf(row: object, name: string): unknown {
  if (Object.hasOwn(row, name) || !(name in Object.prototype)) return Reflect.get(row, name)
  return undefined
}

/**
 * Half of a surrogate pair has no bytes in UTF-8: on its way it would silently become another character. As NUL, which no server accepts, it
 * causes the row to be rejected.
 */
function rejectable(text: string | null): string | null {
  return text?.replaceAll(/\p{Surrogate}/gu, '\0') ?? null
}
