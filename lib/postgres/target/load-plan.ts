import { sql, type RawBuilder } from 'kysely'

import type { Column, Relation } from '../driver/catalog.js'
import type { Comparison } from '../driver/types/comparison.js'

/** Where rows go, and which columns. */
export interface LoadPlan {
  readonly table: Relation
  readonly key: string
  /** Columns that are written, the key among them, in the order of the cells. */
  readonly columns: readonly Column[]
  /** Which rows of the table belong to this pipeline, by the values of columns; others are left alone. Empty for all of them. */
  readonly scope: readonly { readonly column: string; readonly values: readonly number[] }[]
  /** The column of the target that holds the change stamp. */
  readonly changedAt: string | undefined
  /** How the values of columns that have another type in the source are compared, by name. */
  readonly conversions: ReadonlyMap<string, Comparison>
  /** Names of the columns that could change a value of the source without a word; a row of such a value is rejected. */
  readonly lossy: readonly string[]
  /** The time zone of that column, where it holds local time. */
  readonly changedAtZone?: string | undefined
}

/** The temporary table through which batches are loaded. */
export const stageName = 'chatwoot_sync_stage'

/** Whether a row of the target belongs to this pipeline. */
export function inScope({ scope }: Pick<LoadPlan, 'scope'>, alias: string): RawBuilder<unknown> {
  const among = scope.map(
    ({ column, values }) => sql`${sql.id(alias, column)} = any(${`{${values.join(',')}}`}::bigint[])`,
  )
  return sql`(${sql.join([sql`true`, ...among], sql` and `)})`
}
