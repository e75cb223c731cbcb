import { SyncError } from '../../domain/errors.js'
import type { Column, Relation } from '../../postgres/driver/catalog.js'
import { digitsOf, isText, type ColumnType, type TypeKind } from '../../postgres/driver/types/column-type.js'
import type { ExportedCell } from '../../postgres/target/exported-cells.js'

/** How times without a zone are written: as such, or as points in time, which readers of old versions of Delta need. */
export type TimestampForm = 'ntz' | 'utc'

export interface LakeColumnOptions {
  readonly timestamps: TimestampForm
  /** Names of columns that are left out. */
  readonly without: readonly string[]
}

/** A column on its way from PostgreSQL to Parquet. */
export interface LakeColumn {
  readonly name: string
  /** As PostgreSQL writes it, with its modifier. */
  readonly postgresType: string
  /** What COPY selects. */
  readonly cell: ExportedCell
  /** The type in DuckDB; of a list, that of its elements. */
  readonly duckType: string
  readonly isList: boolean
  /** The type in Delta; of a list, that of its elements. */
  readonly deltaType: string
}

/** Holds what the type of a column in Parquet cannot, as JSON of the texts by column. */
export const outOfRangeColumn = 'values_out_of_range'

/**
 * The columns of a file, in the order of the table. A value that the type of its column cannot hold is NULL there, and stands in
 * `outOfRangeColumn`, which comes after them. Throws CONFIG_INVALID when `without` names a column that the table does not have, when it
 * leaves none, and when the table has a column of that name.
 */
export function lakeColumns(
  table: Pick<Relation, 'name' | 'columns'>,
  { timestamps, without }: LakeColumnOptions,
): readonly LakeColumn[] {
  return keptColumns(table, without).map((column) => {
    const { range, form = 'text', isList = false, ...types } = exportedType(column.definition, timestamps)
    return {
      ...{ name: column.name, postgresType: column.type, isList, ...types },
      cell: { name: column.name, form, range, isSameInCopy: sameInCopy.has(column.definition.kind) },
    }
  })
}

/** Kinds whose cast to text is nothing but their output. That of a boolean is a word, and that of a `char(n)` lacks the blanks behind it. */
const sameInCopy: ReadonlySet<TypeKind> = new Set<TypeKind>([
  ...(['smallint', 'integer', 'bigint', 'numeric', 'real', 'double'] as const),
  ...(['date', 'timestamp', 'timestamptz', 'uuid', 'json', 'jsonb'] as const),
])

/** The columns without those that are left out; throws CONFIG_INVALID as `lakeColumns`. */
export function keptColumns(
  { name, columns }: Pick<Relation, 'name' | 'columns'>,
  without: readonly string[],
): readonly Column[] {
  const unknown = without.filter((left) => !columns.some((column) => column.name === left))
  if (unknown.length > 0) {
    throw new SyncError('CONFIG_INVALID', `The table ${name} has no column ${unknown.join(', ')}.`, {
      remedy: 'Correct the names of the columns to leave out.',
      details: { columns: unknown },
    })
  }
  const kept = columns.filter((column) => !without.includes(column.name))
  if (kept.length === 0 || kept.some((column) => column.name === outOfRangeColumn)) {
    throw new SyncError(
      'CONFIG_INVALID',
      kept.length === 0
        ? `No column of the table ${name} is left.`
        : `The table ${name} has a column ${outOfRangeColumn}, which is the name of one that is added.`,
      { remedy: kept.length === 0 ? 'Leave fewer columns out.' : 'Leave it out, or rename it.' },
    )
  }
  return kept
}

type ExportedType = Pick<LakeColumn, 'duckType' | 'deltaType'> &
  Partial<Pick<LakeColumn, 'isList'>> &
  Partial<Pick<ExportedCell, 'form' | 'range'>>

const asText: ExportedType = { duckType: 'VARCHAR', deltaType: 'string' }

/** Whatever has no type of its own that every reader takes exactly stays the text that PostgreSQL writes. */
function exportedType(type: ColumnType, timestamps: TimestampForm): ExportedType {
  switch (type.kind) {
    case 'smallint':
      return { duckType: 'SMALLINT', deltaType: 'short' }
    case 'integer':
      return { duckType: 'INTEGER', deltaType: 'integer' }
    case 'bigint':
    case 'oid':
      return { duckType: 'BIGINT', deltaType: 'long' }
    case 'real':
      return { duckType: 'FLOAT', deltaType: 'float' }
    case 'double':
      return { duckType: 'DOUBLE', deltaType: 'double' }
    case 'numeric':
      return decimalType(type)
    case 'boolean':
      return { duckType: 'BOOLEAN', deltaType: 'boolean' }
    case 'date':
      return { duckType: 'DATE', deltaType: 'date', range: 'date' }
    case 'timestamptz':
      return { duckType: 'TIMESTAMPTZ', deltaType: 'timestamp', range: 'timestamptz' }
    case 'timestamp':
      return timestamps === 'ntz'
        ? { duckType: 'TIMESTAMP', deltaType: 'timestamp_ntz', range: 'timestamp' }
        : { duckType: 'TIMESTAMPTZ', deltaType: 'timestamp', form: 'utc', range: 'timestamp' }
    case 'array':
      return type.element === undefined ? asText : listType(type.element)
    default:
      return asText
  }
}

/** Of a number of digits that nobody has limited nothing is known. */
function decimalType(type: ColumnType): ExportedType {
  const { precision, scale } = digitsOf(type) ?? { precision: 0, scale: 0 }
  const isHeld = precision >= 1 && precision <= 38 && scale >= 0 && scale <= precision
  if (!isHeld) return asText
  const text = `${precision},${scale}`
  return { duckType: `DECIMAL(${text})`, deltaType: `decimal(${text})`, range: 'decimal' }
}

/** Elements that are neither integers nor booleans are texts. */
function listType({ kind, isDomain }: ColumnType): ExportedType {
  const list = { isList: true, range: 'list' } as const
  if (!isDomain && kind === 'integer')
    return { ...list, duckType: 'INTEGER', deltaType: 'integer', form: 'json' }
  if (!isDomain && kind === 'bigint') return { ...list, duckType: 'BIGINT', deltaType: 'long', form: 'json' }
  return { ...list, ...asText, form: isText(kind) ? 'json' : 'jsonOfTexts' }
}
