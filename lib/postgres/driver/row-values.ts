import { isSameJson } from '../../domain/same-json.js'
import type { Column } from './catalog.js'
import type { Cells } from './session.js'

/** Turns texts into the values that a caller sees, and back; made once for the columns of a run. */
export interface RowValues<Row> {
  toRow(cells: Cells): Row
  /** `before` is what the row was made of. */
  toCells(row: Row, before: Cells): Cells
}

/**
 * Integers become numbers, booleans booleans, json its value and arrays of texts arrays; everything else stays the server's text:
 * bigint, numeric, times and dates would lose digits. So would numbers within json, which is why a value that is returned as it was is
 * loaded as the text that it was parsed from. What the names of the columns make of `Row`, the catalog vouches for.
 */
export function rowValues<Row extends object>(columns: readonly Column[]): RowValues<Row> {
  const parsers = columns.map(({ type }) => parserOf(type))
  return {
    toRow: (cells) => {
      const row: Record<string, unknown> = {}
      columns.forEach(({ name }, index) => {
        const cell = cells[index] ?? null
        const parse = parsers[index]
        row[name] = cell !== null && parse ? parse(cell) : cell
      })
      return row as Row
    },
    toCells: (row, before) =>
      columns.map(({ name, type }, index) => {
        const value: unknown = Reflect.get(row, name)
        const cell = before[index] ?? null
        return isUntouched(value, cell, parsers[index]) ? cell : rejectable(toText(value, type))
      }),
  }
}

type Parser = (text: string) => unknown

function parserOf(type: string): Parser | undefined {
  if (type === 'integer' || type === 'smallint') return Number
  if (type === 'boolean') return (text) => text === 't' || text === 'true'
  if (type === 'json' || type === 'jsonb') return (text): unknown => JSON.parse(text)
  return /^(text|character varying)(\(\d+\))?\[\]$/.test(type) ? parseTexts : undefined
}

/** Read again to compare, as a transform may change the value within. */
function isUntouched(value: unknown, cell: string | null, parse: Parser | undefined): boolean {
  if (cell === null || parse === undefined || parse === Number) return false
  return isSameJson(value, parse(cell))
}

function toText(value: unknown, type: string): string | null {
  if (value === null || value === undefined) return null
  if (type === 'json' || type === 'jsonb') return JSON.stringify(value)
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return `{${value.map(toElement).join(',')}}`
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/**
 * Half of a surrogate pair has no bytes in UTF-8: on its way it would silently become another character. As NUL, which no server accepts, it
 * causes the row to be rejected.
 */
function rejectable(text: string | null): string | null {
  return text?.replaceAll(/\p{Surrogate}/gu, '\0') ?? null
}

function toElement(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  return `"${String(value).replaceAll(/["\\]/g, '\\$&')}"`
}

/** An array of one dimension as PostgreSQL writes it: `{a,"b c",NULL}`. */
function parseTexts(text: string): (string | null)[] {
  const elements = text.slice(1, -1).matchAll(/"((?:[^"\\]|\\.)*)"|([^",]+)/gs)
  return [...elements].map(([, quoted, bare]) => {
    if (quoted !== undefined) return quoted.replaceAll(/\\(.)/gs, '$1')
    return bare === 'NULL' || bare === undefined ? null : bare
  })
}
