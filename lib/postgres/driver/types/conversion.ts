import {
  type ColumnType,
  digitsOf,
  isBuiltIn,
  isDiscrete,
  isFreeText,
  isNumber,
  isObjectName,
  isOneOf,
  isPoint,
  isText,
  lengthOf,
  secondDigitsOf,
  type TypeKind,
} from './column-type.js'

/**
 * What becomes of the values of one type in a column of another: `same`, if each arrives as it is or is rejected by the server; `by value`, if
 * the server would change some of them without a word; `mismatch`, if it would reject or change every one.
 */
export type Conversion = 'same' | 'by value' | 'mismatch'

const unless = (isSame: boolean): Conversion => (isSame ? 'same' : 'by value')

/** Decides it by the types alone. A value travels as text, which the target's column reads. */
export function conversionOf(from: ColumnType, to: ColumnType): Conversion {
  if (from.oid === to.oid && from.modifier === to.modifier && isBuiltIn(to)) return 'same'
  if (isUnreadable(from.kind, to.kind)) return 'mismatch'
  if (from.element && to.element) return ofElements(from.element, to.element)
  if (isOneOf(to.kind, 'range', 'multirange') && from.kind === to.kind) return ofRanges(from, to)
  return conversions[to.kind]?.(from, to) ?? ofOthers(from, to)
}

type Rule = (from: ColumnType, to: ColumnType) => Conversion

const conversions: Partial<Record<TypeKind, Rule>> = {
  numeric: intoNumeric,
  real: (from) => intoFloat(from, 6),
  double: (from) => intoFloat(from, 15),
  money: intoMoney,
  // It takes -1 for 4294967295.
  oid: ({ kind }) => unless(!isNumber(kind)),
  date: ({ kind }) => unless(!isOneOf(kind, 'timestamp', 'timestamptz') && !isFreeText(kind)),
  timestamp: (from, to) => intoPoint(from, to, true),
  timestamptz: (from, to) => intoPoint(from, to, false),
  time: intoClock,
  timetz: intoClock,
  interval: intoInterval,
  // What is too short is padded, and what is padded loses its trailing spaces as a text.
  character: (from, to) =>
    unless(lengthOf(to) === undefined || from.kind === 'character' || !isFreeText(from.kind)),
  name: ({ kind }) => unless(kind === 'name' || kind === 'char' || isShort(kind)),
  char: ({ kind }) => unless(kind === 'char'),
  geometry: (from, to) => unless(from.oid === to.oid || isFreeText(from.kind)),
  // Of a text that it reads in more than one form, it writes one.
  composite: (from, to) => unless(from.kind === 'composite' && from.parts === to.parts),
  enum: () => 'same',
  // Of a key that occurs twice in one object, it keeps the last.
  jsonb: (from, to) => (from.kind !== 'jsonb' && isFreeText(from.kind) ? 'by value' : ofOthers(from, to)),
}

function intoNumeric(from: ColumnType, to: ColumnType): Conversion {
  const digits = digitsOf(to)
  if (!digits) return 'same'
  if (isOneOf(from.kind, 'smallint', 'integer', 'bigint', 'oid')) return unless(digits.scale >= 0)
  return unless(from.kind === 'numeric' && scaleOf(from) <= digits.scale)
}

const scaleOf = (type: ColumnType) => digitsOf(type)?.scale ?? Infinity

/** So many decimal digits come back as they were. */
function intoFloat(from: ColumnType, exactDigits: number): Conversion {
  const { kind } = from
  if (kind === 'smallint' || kind === 'real') return 'same'
  if (exactDigits === 15 && (kind === 'integer' || kind === 'double')) return 'same'
  const precision = kind === 'numeric' ? (digitsOf(from)?.precision ?? Infinity) : Infinity
  return unless(precision <= exactDigits)
}

function intoMoney(from: ColumnType): Conversion {
  if (isOneOf(from.kind, 'real', 'double') || isFreeText(from.kind)) return 'by value'
  return unless(from.kind !== 'numeric' || scaleOf(from) <= 2)
}

/** A time without a zone is taken as of UTC, in both directions; a text may name another zone, which is passed over. */
function intoPoint(from: ColumnType, to: ColumnType, ignoresZone: boolean): Conversion {
  if (isOneOf(from.kind, 'timestamp', 'timestamptz'))
    return unless(secondDigitsOf(from) <= secondDigitsOf(to))
  return unless(!isFreeText(from.kind) || (!ignoresZone && secondDigitsOf(to) === 6))
}

function intoClock(from: ColumnType, to: ColumnType): Conversion {
  if (isPoint(from.kind)) return 'mismatch'
  if (from.kind === 'interval') return 'by value'
  if (isFreeText(from.kind)) return 'by value'
  if (!isOneOf(from.kind, 'time', 'timetz')) return unless(secondDigitsOf(to) === 6)
  const keepsZone = from.kind === 'time' || to.kind === 'timetz'
  return unless(keepsZone && secondDigitsOf(from) <= secondDigitsOf(to))
}

function intoInterval(from: ColumnType, to: ColumnType): Conversion {
  if (from.kind === 'timetz') return 'mismatch'
  const isWhole = to.modifier === -1 || (from.kind === 'interval' && from.modifier === to.modifier)
  return unless(isWhole)
}

/** An empty array is read by every type of array, so that none is a mismatch. */
function ofElements(from: ColumnType, to: ColumnType): Conversion {
  const element = conversionOf(from, to)
  return element === 'mismatch' ? 'by value' : element
}

/** As with arrays, an empty range is read by every type of range. */
function ofRanges(from: ColumnType, to: ColumnType): Conversion {
  if (from.oid === to.oid) return 'same'
  if (isBuiltIn(from) && isBuiltIn(to)) return unless(!isDiscrete(to) || isDiscrete(from))
  return unless(from.bare === to.bare)
}

/** What one kind writes and another reads has to come back as the same text, but for what is meant to be read in another way. */
function ofOthers(from: ColumnType, to: ColumnType): Conversion {
  if (isText(to.kind)) return 'same'
  if (isObjectName(to)) return unless(from.oid === to.oid)
  // A type of the user may write in one form what it reads in many.
  if (!isBuiltIn(to)) return unless(from.bare === to.bare)
  if (isFreeText(from.kind)) return 'same'
  if (isNumber(from.kind) && isOneOf(to.kind, 'smallint', 'integer', 'bigint', 'boolean', 'json', 'jsonb')) {
    return 'same'
  }
  return unless(from.kind === to.kind && isBuiltIn(from) && isBuiltIn(to))
}

/** Kinds of which no text has more than 63 bytes. */
const isShort = (kind: TypeKind) =>
  (isNumber(kind) && kind !== 'numeric') ||
  isPoint(kind) ||
  isOneOf(kind, 'boolean', 'time', 'timetz', 'uuid', 'money')

const points: readonly TypeKind[] = ['date', 'timestamp', 'timestamptz']
const times: readonly TypeKind[] = [...points, 'time', 'timetz', 'interval']
const numbers: readonly TypeKind[] = [
  'smallint',
  'integer',
  'bigint',
  'numeric',
  'real',
  'double',
  'money',
  'oid',
]
const sets: readonly TypeKind[] = ['array', 'range', 'multirange']
/** Kinds that take none of the texts of the kinds in `written` as they are. */
const strict: readonly TypeKind[] = [
  ...numbers,
  ...times,
  ...sets,
  ...(['boolean', 'uuid', 'network', 'hardware', 'bytea', 'json', 'jsonb'] as const),
]

/** Kinds whose texts show what they are, with what else reads them. */
const written: Partial<Record<TypeKind, readonly TypeKind[]>> = {
  boolean: ['json', 'jsonb'],
  uuid: [],
  bytea: [],
  network: [],
  hardware: [],
  array: ['multirange', 'json', 'jsonb'],
  range: ['json', 'jsonb'],
  multirange: ['array', 'json', 'jsonb'],
  bit: [...numbers, 'boolean', 'json', 'jsonb'],
  geometry: sets,
  date: points,
  timestamp: [...points, 'time', 'timetz'],
  timestamptz: [...points, 'time', 'timetz'],
  time: ['time', 'timetz', 'interval'],
  timetz: ['time', 'timetz', 'interval'],
  interval: ['time', 'timetz', 'interval'],
}

/** Whether the one kind takes no text that the other writes. */
function isUnreadable(from: TypeKind, to: TypeKind): boolean {
  if (from === to) return false
  const readers = written[from]
  if (readers) return strict.includes(to) && !readers.includes(to)
  return numbers.includes(from) && (sets.includes(to) || isOneOf(to, 'network', 'hardware', 'bytea'))
}

/** Types that a column of the target takes over as they are, so that no content is lost. */
const kept: ReadonlySet<TypeKind> = new Set<TypeKind>([
  ...(['smallint', 'integer', 'bigint', 'real', 'double', 'boolean', 'date', 'uuid'] as const),
  ...(['json', 'jsonb', 'bytea', 'network'] as const),
])

const keptElements: ReadonlySet<TypeKind> = new Set<TypeKind>([
  ...(['smallint', 'integer', 'bigint', 'boolean', 'uuid', 'text', 'varchar'] as const),
])

/** The type of a column of the target that holds whatever a column of this type of the source can: text for all that is not known. */
export function columnTypeFor(type: ColumnType): string {
  const { kind, bare, element } = type
  if (!isBuiltIn(type)) return 'text'
  if (kept.has(kind)) return bare
  if (element) {
    if (!keptElements.has(element.kind)) return 'text'
    return element.kind === 'varchar' ? 'text[]' : `${element.bare}[]`
  }
  switch (kind) {
    case 'timestamp':
    case 'timestamptz':
    case 'time':
      return `${kind}(6)`
    case 'interval':
    case 'numeric':
      return kind
    default:
      return 'text'
  }
}
