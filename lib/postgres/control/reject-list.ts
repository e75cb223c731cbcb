import { sql, type RawBuilder } from 'kysely'

import type { Session } from '../driver/session.js'
import { builder } from '../driver/statement.js'

/** Why rows are rejected, and how many. Times are texts with an offset. */
export interface RejectReason {
  readonly pipeline: string
  readonly sqlState: string
  /** Column of the target, where the server named it. */
  readonly column: string | null
  /** The reason in words, without the value. */
  readonly message: string
  readonly rows: number
  readonly firstRejectedAt: string
  readonly lastRejectedAt: string
}

/** One row that the target has rejected so far. Times are texts with an offset. */
export interface RejectedRow {
  readonly pipeline: string
  readonly key: string
  /** The last run that tried it; null when that was `verify --repair`. */
  readonly executionId: string | null
  readonly sqlState: string
  /** Column of the target, where the server named it. */
  readonly column: string | null
  /** The reason in words, without the value. */
  readonly message: string
  /** How many runs have tried it. */
  readonly attempts: number
  readonly firstRejectedAt: string
  readonly lastRejectedAt: string
}

export interface Rejects {
  /** All of them, the most frequent first. */
  readonly reasons: readonly RejectReason[]
  /** At most as many as asked for, the one rejected last first. */
  readonly rows: readonly RejectedRow[]
}

/** The rejected rows of one pipeline, or of all where it is undefined; without their content. */
export async function listRejects(
  target: Session,
  { pipeline, limit }: { readonly pipeline: string | undefined; readonly limit: number },
): Promise<Rejects> {
  const [reasons, rows] = await target.together([reasonsQuery(pipeline), rowsQuery(pipeline, limit)])
  return { reasons: reasons.map((reason) => ({ ...reason, rows: Number(reason.rows) })), rows }
}

/** The reasons for which rows of a pipeline are rejected, the most frequent first. */
export const reasonsQuery = (pipeline: string | undefined) =>
  builder
    .selectFrom('vw_etl_reject_reasons')
    // The view takes its columns from the table, where none of these is null.
    .select(({ ref }) => [
      ref('pipeline').$notNull().as('pipeline'),
      ref('sql_state').$notNull().as('sqlState'),
      'column_name as column',
      ref('message').$notNull().as('message'),
      sql<string>`rows_rejected::text`.as('rows'),
      sql<string>`first_rejected_at::text`.as('firstRejectedAt'),
      sql<string>`last_rejected_at::text`.as('lastRejectedAt'),
    ])
    .where(isOf(pipeline))
    .orderBy('rows_rejected', 'desc')
    .orderBy('vw_etl_reject_reasons.pipeline')
    .orderBy('sql_state')
    .orderBy('column_name')
    .compile()

const rowsQuery = (pipeline: string | undefined, limit: number) =>
  builder
    .selectFrom('etl_rejects')
    .select([
      'pipeline',
      'row_key as key',
      sql<string | null>`execution_id::text`.as('executionId'),
      'sql_state as sqlState',
      'column_name as column',
      'message',
      'attempts',
      sql<string>`first_rejected_at::text`.as('firstRejectedAt'),
      sql<string>`last_rejected_at::text`.as('lastRejectedAt'),
    ])
    .where(isOf(pipeline))
    .orderBy('last_rejected_at', 'desc')
    .orderBy('pipeline')
    .orderBy('row_key')
    .limit(limit)
    .compile()

function isOf(pipeline: string | undefined): RawBuilder<boolean> {
  return pipeline === undefined ? sql`true` : sql`pipeline = ${pipeline}::text`
}
