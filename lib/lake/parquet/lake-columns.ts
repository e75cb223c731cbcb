import type { Relation } from '../../postgres/driver/catalog.js'
import type { DeltaType } from '../delta/schema.js'

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
  /** As PostgreSQL writes it. */
  readonly postgresType: string
  /** SQL over the table: what COPY selects. */
  readonly expression: string
  /** What DuckDB reads from the CSV. */
  readonly csvType: string
  /** What DuckDB writes into Parquet: of the cell `csvType` unless it is a list, which comes as JSON. */
  readonly duckType: string
  readonly deltaType: DeltaType
}

/**
 * The columns of a lake, in the order of the table, and at the end `values_out_of_range` where a type can hold values that Parquet's cannot:
 * a text with JSON of such values by column, which are NULL in their own. Throws CONFIG_INVALID when `without` names a column that the table
 * does not have.
 */
export declare function lakeColumns(
  table: Pick<Relation, 'name' | 'columns'>,
  options: LakeColumnOptions,
): readonly LakeColumn[]
