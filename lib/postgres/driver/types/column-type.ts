/** What a type is about; types of one kind read each other's texts. */
export type TypeKind =
  | 'smallint'
  | 'integer'
  | 'bigint'
  | 'numeric'
  | 'real'
  | 'double'
  | 'money'
  | 'oid'
  | 'boolean'
  | 'text'
  | 'varchar'
  | 'character'
  | 'name'
  | 'char'
  | 'date'
  | 'time'
  | 'timetz'
  | 'timestamp'
  | 'timestamptz'
  | 'interval'
  | 'uuid'
  | 'bytea'
  | 'bit'
  | 'json'
  | 'jsonb'
  | 'network'
  | 'hardware'
  | 'geometry'
  | 'array'
  | 'range'
  | 'multirange'
  | 'composite'
  | 'enum'
  | 'other'

/** Kinds by object id, which is the same on every server and in every release. */
const builtIn: Readonly<Record<number, TypeKind>> = {
  16: 'boolean',
  17: 'bytea',
  18: 'char',
  19: 'name',
  20: 'bigint',
  21: 'smallint',
  23: 'integer',
  25: 'text',
  26: 'oid',
  114: 'json',
  600: 'geometry',
  601: 'geometry',
  602: 'geometry',
  603: 'geometry',
  604: 'geometry',
  628: 'geometry',
  650: 'network',
  700: 'real',
  701: 'double',
  718: 'geometry',
  774: 'hardware',
  790: 'money',
  829: 'hardware',
  869: 'network',
  1042: 'character',
  1043: 'varchar',
  1082: 'date',
  1083: 'time',
  1114: 'timestamp',
  1184: 'timestamptz',
  1186: 'interval',
  1266: 'timetz',
  1560: 'bit',
  1562: 'bit',
  1700: 'numeric',
  2950: 'uuid',
  3802: 'jsonb',
}

export const isOneOf = (kind: TypeKind, ...kinds: readonly TypeKind[]): boolean => kinds.includes(kind)

const isInteger = (kind: TypeKind) => isOneOf(kind, 'smallint', 'integer', 'bigint', 'oid')

/** Whether arithmetic is done with it; not money, whose text has a sign of its own. */
export const isNumber = (kind: TypeKind): boolean =>
  isInteger(kind) || isOneOf(kind, 'numeric', 'real', 'double')

/** Whether it is a point in time. */
export const isPoint = (kind: TypeKind): boolean => isOneOf(kind, 'date', 'timestamp', 'timestamptz')

/** Whether it holds nothing but characters. */
export const isText = (kind: TypeKind): boolean =>
  isOneOf(kind, 'text', 'varchar', 'character', 'name', 'char')

/** Names of objects of a server, which another one may show as a number. */
const objectNames: ReadonlySet<number> = new Set([
  24, 2202, 2203, 2204, 2205, 2206, 3734, 3769, 4089, 4096, 4191,
])

/** Whether it names an object of its server, as regclass does. */
export const isObjectName = ({ oid }: Pick<ColumnType, 'oid'>): boolean => objectNames.has(oid)

/** Whether its texts can be anything. */
export const isFreeText = (kind: TypeKind): boolean =>
  isText(kind) || isOneOf(kind, 'json', 'jsonb', 'enum', 'composite', 'other')

/** Arrays of these types, by the number of their elements' type. */
const elements: Readonly<Record<number, number>> = {
  143: 142,
  199: 114,
  629: 628,
  651: 650,
  719: 718,
  775: 774,
  791: 790,
  1000: 16,
  1001: 17,
  1002: 18,
  1003: 19,
  1005: 21,
  1007: 23,
  1009: 25,
  1014: 1042,
  1015: 1043,
  1016: 20,
  1017: 600,
  1018: 601,
  1019: 602,
  1020: 603,
  1021: 700,
  1022: 701,
  1027: 604,
  1028: 26,
  1040: 829,
  1041: 869,
  1115: 1114,
  1182: 1082,
  1183: 1083,
  1185: 1184,
  1187: 1186,
  1231: 1700,
  1270: 1266,
  1561: 1560,
  1563: 1562,
  2951: 2950,
  3643: 3614,
  3645: 3615,
  3807: 3802,
  3905: 3904,
  3907: 3906,
  3909: 3908,
  3911: 3910,
  3913: 3912,
  3927: 3926,
  4073: 4072,
}

const ranges: ReadonlySet<number> = new Set([3904, 3906, 3908, 3910, 3912, 3926])
const multiranges: ReadonlySet<number> = new Set([4451, 4532, 4533, 4534, 4535, 4536])

/** The kind of a type that every server has. */
export function builtInKind(oid: number): TypeKind {
  if (ranges.has(oid)) return 'range'
  if (multiranges.has(oid)) return 'multirange'
  return builtIn[oid] ?? (elements[oid] === undefined ? 'other' : 'array')
}

/** The type of the elements of such an array; undefined for what is none. */
export const builtInElement = (oid: number): number | undefined => elements[oid]

/** The kind of a type of the user, by `typtype` and `typcategory`, which is S for texts, as citext is one. */
export function ownKind(form: string, category: string, isArray: boolean): TypeKind {
  if (isArray) return 'array'
  switch (form) {
    case 'r':
      return 'range'
    case 'm':
      return 'multirange'
    case 'c':
      return 'composite'
    case 'e':
      return 'enum'
    default:
      return category === 'S' ? 'text' : 'other'
  }
}

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
