import type { KeyType } from './binary-copy.js'
import type { Column } from './catalog.js'
import { type ColumnType, isBuiltIn, type TypeKind } from './types/column-type.js'

/** Whether a column can hold the time of a change. */
export function isStamp({ kind }: ColumnType): boolean {
  return kind === 'timestamp' || kind === 'timestamptz' || kind === 'date'
}

/** Kinds whose binary form is the same on every release and does not name other types by number. */
const portable: ReadonlySet<TypeKind> = new Set<TypeKind>([
  ...(['smallint', 'integer', 'bigint', 'real', 'double', 'numeric', 'boolean', 'text', 'varchar'] as const),
  ...(['date', 'time', 'timestamp', 'timestamptz', 'interval'] as const),
  ...(['uuid', 'json', 'jsonb', 'bytea', 'network'] as const),
])

const portableElements: ReadonlySet<TypeKind> = new Set<TypeKind>(['text', 'varchar', 'integer', 'bigint'])

/** Whether the binary form of one type can be read as the other. */
export function isSameInBinary(from: ColumnType, to: ColumnType): boolean {
  if (!isBuiltIn(from) || !isBuiltIn(to)) return false
  if (to.element) return isSameArray(from, to)
  const isText = ({ kind }: ColumnType) => kind === 'text' || kind === 'varchar'
  return portable.has(to.kind) && (from.oid === to.oid || (isText(from) && isText(to)))
}

/** The binary form of an array names the type of its elements, a domain by the domain. */
function isSameArray(from: ColumnType, to: ColumnType): boolean {
  const [here, there] = [from.element, to.element]
  if (!here || !there || here.isDomain || there.isDomain) return false
  return from.oid === to.oid && portableElements.has(there.kind)
}

const exact: ReadonlySet<TypeKind> = new Set<TypeKind>([
  ...(['smallint', 'integer', 'bigint', 'boolean', 'date', 'timestamp', 'timestamptz'] as const),
  ...(['uuid', 'bytea'] as const),
])

const texts: ReadonlySet<TypeKind> = new Set<TypeKind>(['text', 'varchar'])

/**
 * What it takes to see that two values have the same bytes: `=`, `=` in the collation C, as others may call different texts equal, or
 * their image, for types to which different values are equal, as 1 and 1.0 are, or which have no equality, as json.
 */
export function equality(type: ColumnType): 'plain' | 'text' | 'image' {
  const { kind, element } = type
  if (!isBuiltIn(type)) return 'image'
  if (exact.has(kind) || element?.kind === 'integer' || element?.kind === 'bigint') return 'plain'
  return texts.has(element?.kind ?? kind) ? 'text' : 'image'
}

interface KeyedColumns {
  readonly key: string
  readonly columns: readonly Column[]
}

const keyOf = ({ key, columns }: KeyedColumns) => columns.find(({ name }) => name === key)?.definition

/** Whether the key has the same order on every server, as numbers have and texts do not. */
export function isCountable(keyed: KeyedColumns): boolean {
  const kind = keyOf(keyed)?.kind
  return kind === 'integer' || kind === 'bigint' || kind === 'smallint'
}

/** How the key's binary form is read; undefined for a key that can only be read as text. */
export function binaryKeyType(keyed: KeyedColumns): KeyType | undefined {
  const type = keyOf(keyed)
  const kind = type?.kind
  if (kind === 'smallint' || kind === 'integer' || kind === 'bigint') return kind
  return type && isBuiltIn(type) && (kind === 'text' || kind === 'varchar') ? 'text' : undefined
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
