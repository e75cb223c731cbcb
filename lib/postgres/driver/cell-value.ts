import { isSameJson } from '../../domain/same-json.js'
import { parseArray, writeArray } from './array-text.js'
import type { Column } from './catalog.js'
import { isPoint, type TypeKind } from './types/column-type.js'

/** A value of a `transform` that no column can hold. */
export class Unstorable extends Error {}

/** What a `transform` sees of a cell, and what is stored of a value that it returns. */
export interface CellValue {
  parse(cell: string): unknown
  /** Throws `Unstorable` for a value that has no text. */
  toCell(value: unknown): string | null
  /** Whether a value is what `parse` made of the cell. */
  isUntouched(value: unknown, cell: string): boolean
}

/** Of a text that the type does not read, the value is the text: the server rejects it, or the transform corrects it. */
export function cellValue({ definition: { kind, element } }: Column): CellValue {
  const of = element?.kind ?? kind
  const isJson = of === 'json' || of === 'jsonb'
  const parse = parserOf(kind, element?.kind)
  const toText = (value: unknown) => (isJson ? jsonText(value) : textOf(value))
  return {
    parse,
    toCell: (value) => {
      if (value === null || value === undefined) return null
      if (element) return Array.isArray(value) ? writeArray(value, elementText(toText)) : textOf(value)
      const text = toText(value)
      return isUncountable(kind, text) ? null : text
    },
    isUntouched: isSameValue(parse),
  }
}

const isSameValue = (parse: CellValue['parse']) => (value: unknown, cell: string) => {
  if (typeof value === 'string' || typeof value === 'number') return value === parse(cell)
  return typeof value === 'object' || typeof value === 'boolean' ? isSameParsed(value, parse(cell)) : false
}

function isSameParsed(value: unknown, parsed: unknown): boolean {
  if (parsed instanceof Uint8Array) {
    return value instanceof Uint8Array && Buffer.compare(value, parsed) === 0
  }
  return isSameJson(value, parsed)
}

function parserOf(kind: TypeKind, element: TypeKind | undefined): CellValue['parse'] {
  if (element === 'text' || element === 'varchar') return (cell) => parseArray(cell) ?? cell
  switch (kind) {
    case 'smallint':
    case 'integer':
      return (cell) => (/^-?\d+$/.test(cell) ? Number(cell) : cell)
    case 'boolean':
      return (cell) => booleans.get(cell) ?? cell
    case 'json':
    case 'jsonb':
      return parseJson
    case 'bytea':
      return (cell) => (/^\\x(?:[\da-f]{2})*$/.test(cell) ? Buffer.from(cell.slice(2), 'hex') : cell)
    default:
      return (cell) => cell
  }
}

const booleans = new Map([
  ['t', true],
  ['true', true],
  ['f', false],
  ['false', false],
])

function parseJson(cell: string): unknown {
  try {
    return JSON.parse(cell)
  } catch {
    return cell
  }
}

/** NaN and infinity become NULL, as those of the source do. */
function isUncountable(kind: TypeKind, text: string): boolean {
  if (kind === 'numeric' || kind === 'real' || kind === 'double') return /^(NaN|[+-]?Infinity)$/.test(text)
  return isPoint(kind) && /^[+-]?infinity$/.test(text)
}

const elementText = (toText: (value: unknown) => string) => (value: unknown) =>
  value === null || value === undefined ? null : toText(value)

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'function' || typeof value === 'symbol') throw new Unstorable(`a ${typeof value}`)
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) return writeArray(value, elementText(textOf))
  if (value instanceof Date) return dateText(value)
  return bytesText(value) ?? jsonText(value)
}

function bytesText(value: object): string | undefined {
  if (!(value instanceof Uint8Array)) return undefined
  return `\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`
}

/** Years before 1 and after 9999 as PostgreSQL reads them. */
function dateText(value: Date): string {
  if (Number.isNaN(value.getTime())) throw new Unstorable('a Date without a time')
  const year = value.getUTCFullYear()
  const rest = value.toISOString().replace(/^[+-]?\d+(?=-\d\d-\d\dT)/, '')
  const written = String(year > 0 ? year : 1 - year).padStart(4, '0')
  return year > 0 ? `${written}${rest}` : `${written}${rest} BC`
}

/** JSON of plain values only: of a Map or an instance of a class it would hold a part, or nothing. */
function jsonText(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'bigint') throw new Unstorable('a bigint within JSON')
    if (typeof part === 'function' || typeof part === 'symbol') throw new Unstorable(`a ${typeof part}`)
    if (typeof part === 'object' && part !== null) requirePlain(part)
    return part
  })
}

function requirePlain(value: object): void {
  if (Array.isArray(value)) return
  const prototype: unknown = Object.getPrototypeOf(value)
  // Of another realm, such as a vm or a test runner, the prototype is another object of the same kind.
  if (prototype === null || Object.getPrototypeOf(prototype) === null) return
  throw new Unstorable(`an instance of ${value.constructor?.name ?? 'a class'}`)
}
