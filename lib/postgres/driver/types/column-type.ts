import { builtInElement, builtInKind, ownKind, type TypeKind } from './type-kind.js'

/** The type of a column below every domain. */
export interface ColumnType {
  readonly oid: number
  readonly kind: TypeKind
  /** `atttypmod`: length, precision or scale; -1 for none. */
  readonly modifier: number
  /** As PostgreSQL writes it without its modifier. A cast to it truncates nothing, unlike one to `character(4)` or `character`. */
  readonly bare: string
  /** As PostgreSQL writes it with its modifier. */
  readonly full: string
  readonly isDomain: boolean
  /** Of an array. */
  readonly element: ColumnType | undefined
  /** What a composite type is made of; empty for others. */
  readonly parts: string
}

/** A type of the user, as `usedTypes` reads it. */
export interface TypeRow {
  readonly oid: number
  readonly form: string
  readonly category: string
  readonly bare: string
  /** Of a domain: the type that it is over, with its modifier, and how PostgreSQL writes it without and with that; 0 for others. */
  readonly base: number
  readonly modifier: number
  readonly baseBare: string
  readonly baseFull: string
  /** Of an array; 0 for others. */
  readonly element: number
  /** Of a composite type; null for others. */
  readonly parts: string | null
}

/** Types of the user have numbers from here on. */
export const firstOfUser = 16_384

/** Whether every server has the type under the same number; of a domain it is the type below that counts. */
export const isBuiltIn = ({ oid }: Pick<ColumnType, 'oid'>): boolean => oid < firstOfUser

/** How a type is used: its number, its modifier, and how PostgreSQL writes it. */
type UsedType = Pick<ColumnType, 'oid' | 'modifier' | 'bare' | 'full'>

/** What a type is; `own` are the types of the user that it is made of. */
export function columnTypeOf(own: ReadonlyMap<number, TypeRow>, used: UsedType): ColumnType {
  if (isBuiltIn(used)) return builtInType(used)
  const row = own.get(used.oid)
  if (!row) throw new TypeError(`The catalog returned no type ${used.oid}.`)
  if (row.base !== 0) {
    const { base: oid, modifier, baseBare: bare, baseFull: full } = row
    return { ...columnTypeOf(own, { oid, modifier, bare, full }), isDomain: true }
  }
  const element = own.get(row.element)
  return {
    ...used,
    kind: ownKind(row.form, row.category, element !== undefined),
    isDomain: false,
    element: element && columnTypeOf(own, { ...element, modifier: used.modifier, full: element.bare }),
    parts: row.parts ?? '',
  }
}

function builtInType(used: UsedType): ColumnType {
  const { oid, modifier, bare } = used
  const element = builtInElement(oid)
  const name = bare.replace(/\[\]$/, '')
  return {
    ...used,
    kind: builtInKind(oid),
    isDomain: false,
    element:
      element === undefined ? undefined : builtInType({ oid: element, modifier, bare: name, full: name }),
    parts: '',
  }
}

/** The total and the decimal digits of a numeric; undefined where any number of them is kept. */
export function digitsOf({ modifier }: ColumnType): { precision: number; scale: number } | undefined {
  if (modifier < 4) return undefined
  const packed = modifier - 4
  // Eleven bits with a sign, since release 15; before it only what is not negative.
  return { precision: packed >> 16, scale: ((packed & 0x7ff) ^ 1024) - 1024 }
}

/** The decimal digits of seconds. */
export function secondDigitsOf({ kind, modifier }: ColumnType): number {
  if (modifier === -1) return 6
  const digits = kind === 'interval' ? modifier & 0xffff : modifier
  return Math.min(digits, 6)
}

/** The most characters of a text; undefined for any number. */
export function lengthOf({ kind, modifier }: ColumnType): number | undefined {
  return (kind === 'varchar' || kind === 'character') && modifier >= 4 ? modifier - 4 : undefined
}

/** Ranges and multiranges of whole numbers and days, of which the server writes each in one form. */
const discreteRanges: ReadonlySet<number> = new Set([3904, 3912, 3926, 4451, 4535, 4536])

/** Whether a range is written in another form than it was read in, as [1,3] is as [1,4). */
export const isDiscrete = ({ oid }: ColumnType): boolean => discreteRanges.has(oid)

/** What is taken for the type of a column that is not there. */
export const plainText: ColumnType = {
  ...{ oid: 25, kind: 'text', modifier: -1, bare: 'text', full: 'text', parts: '' },
  ...{ isDomain: false, element: undefined },
}

/** A name for the type that every server knows: text for a type that only one of them may have. */
export const commonName = (type: ColumnType): string => (isBuiltIn(type) ? type.bare : 'text')
