import type { DeltaMetadata, DeltaProtocol } from './actions.js'

/** A type as Delta writes it: `long`, `decimal(12,3)`, `timestamp_ntz`, or a list. */
export type DeltaType =
  string | { readonly type: 'array'; readonly elementType: string; readonly containsNull: true }

export interface DeltaField {
  readonly name: string
  readonly type: DeltaType
  readonly nullable: boolean
  readonly metadata: Readonly<Record<string, unknown>>
}

/** The columns of a file, in order; the column of the partition is not among them. */
export type LakeField = Pick<DeltaField, 'name' | 'type'>

/**
 * Protocol and metadata of a new table that is partitioned by `month`. Throws CONFIG_INVALID for columns that readers of Delta cannot take:
 * names that differ in nothing but capitals, that hold one of ` ,;{}()=` or a control character, or that are `month`.
 */
export declare function newTable(fields: readonly LakeField[]): {
  readonly protocol: DeltaProtocol
  readonly metadata: DeltaMetadata
}

/**
 * The metadata with the columns that it lacks at its end; undefined where it lacks none. A column that the table of PostgreSQL no longer has
 * stays, and is NULL in files to come. Throws LAKE_TYPE_CHANGED where a column has another type than before, and CONFIG_INVALID as `newTable`.
 */
export declare function grownMetadata(
  metadata: DeltaMetadata,
  fields: readonly LakeField[],
): DeltaMetadata | undefined
