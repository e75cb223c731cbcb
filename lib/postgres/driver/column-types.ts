import type { KeyType } from './binary-copy.js'

/** Whether a column of type `to` cannot hold every value of type `from` as it is, and would not reject it either. */
export function losesContent(from: string, to: string): boolean {
  if (from === to) return false
  if (/^timestamp/.test(from) && (to === 'date' || /^time /.test(to))) return true
  if (/^timestamp/.test(from) && /^timestamp/.test(to)) return digitsOf(to, 6) < digitsOf(from, 6)
  if (/^(numeric|double precision)/.test(from) && to === 'real') return true
  if (from.startsWith('numeric') && to === 'double precision') return true
  if (from.startsWith('numeric') && to.startsWith('numeric')) return scaleOf(to) < scaleOf(from)
  if (/^(real|double precision)/.test(from) && to.startsWith('numeric')) return scaleOf(to) < Infinity
  // A character(n) is padded.
  return to.startsWith('character(') && !from.startsWith('character(')
}

/** Whether a column can hold the time of a change. */
export function isStamp(type: string): boolean {
  return /^timestamp/.test(type) || type === 'date'
}

function digitsOf(type: string, otherwise: number): number {
  const digits = /\((\d)\)/.exec(type)?.[1]
  return digits === undefined ? otherwise : Number(digits)
}

function scaleOf(type: string): number {
  const [, scale] = /\(\d+,(\d+)\)/.exec(type) ?? []
  return scale === undefined ? Infinity : Number(scale)
}

/**
 * The type without its modifier. An explicit cast to `character varying(50)` truncates a text without a word; the column itself rejects it.
 */
export function baseType(type: string): string {
  return type.replace(/\(\d+(?:,\d+)?\)/, '')
}

/** Types whose binary form is the same on every release and does not name other types by number. */
const portable = new Set([
  ...[
    'smallint',
    'integer',
    'bigint',
    'real',
    'double precision',
    'numeric',
    'boolean',
    'text',
    'character varying',
  ],
  ...[
    'date',
    'time without time zone',
    'timestamp without time zone',
    'timestamp with time zone',
    'interval',
  ],
  ...[
    'uuid',
    'json',
    'jsonb',
    'bytea',
    'inet',
    'cidr',
    'text[]',
    'integer[]',
    'bigint[]',
    'character varying[]',
  ],
])

/** Whether the binary form of one type can be read as the other. */
export function isSameInBinary(from: string, to: string): boolean {
  const [here, there] = [baseType(from), baseType(to)]
  const isText = (type: string) => type === 'text' || type === 'character varying'
  return portable.has(there) && (here === there || (isText(here) && isText(there)))
}

const exact = new Set([
  ...[
    'smallint',
    'integer',
    'bigint',
    'boolean',
    'date',
    'timestamp without time zone',
    'timestamp with time zone',
  ],
  ...['uuid', 'bytea', 'integer[]', 'bigint[]'],
])

/**
 * What it takes to see that two values have the same bytes: `=`, `=` in the collation C, as others may call different texts equal, or
 * their image, for types to which different values are equal, as 1 and 1.0 are, or which have no equality, as json.
 */
export function equality(type: string): 'plain' | 'text' | 'image' {
  const base = baseType(type)
  if (exact.has(base)) return 'plain'
  return ['text', 'character varying', 'text[]', 'character varying[]'].includes(base) ? 'text' : 'image'
}

interface KeyedColumns {
  readonly key: string
  readonly columns: readonly { readonly name: string; readonly type: string }[]
}

/** Whether the key has the same order on every server, as numbers have and texts do not. */
export function isCountable({ key, columns }: KeyedColumns): boolean {
  const type = columns.find(({ name }) => name === key)?.type
  return type === 'integer' || type === 'bigint' || type === 'smallint'
}

/** How the key's binary form is read; undefined for a key that can only be read as text. */
export function binaryKeyType({ key, columns }: KeyedColumns): KeyType | undefined {
  const type = baseType(columns.find(({ name }) => name === key)?.type ?? '')
  if (type === 'smallint' || type === 'integer' || type === 'bigint' || type === 'text') return type
  return type === 'character varying' ? 'text' : undefined
}

/** Types that a column of the target takes over as they are, so that no content is lost. */
const kept =
  /^(smallint|integer|bigint|real|double precision|boolean|date|interval|uuid|json|jsonb|bytea|inet|cidr|(smallint|integer|bigint|boolean|uuid|text)\[\])$/

/** The type of a column of the target that holds whatever a column of this type of the source can: text for all that is not known. */
export function columnTypeFor(type: string): string {
  if (kept.test(type)) return type
  if (/^timestamp(\(\d\))? without time zone$/.test(type)) return 'timestamp(6)'
  if (/^timestamp(\(\d\))? with time zone$/.test(type)) return 'timestamptz(6)'
  if (/^time(\(\d\))? without time zone$/.test(type)) return 'time(6)'
  if (/^numeric(\(\d+,-?\d+\))?$/.test(type)) return 'numeric'
  return /^character varying(\(\d+\))?\[\]$/.test(type) ? 'text[]' : 'text'
}
