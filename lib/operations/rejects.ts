import { sql } from 'kysely'

import { openSession, type DatabaseHandle } from '../postgres/driver/connect.js'
import { beginReading } from '../postgres/driver/transaction.js'
import { compile } from '../postgres/driver/statement.js'

export interface RejectsOptions {
  readonly target: DatabaseHandle
  /** (Default: those of every pipeline.) */
  readonly pipeline?: string | undefined
  /** How many rows at most. (Default: 20, which fit a screen.) */
  readonly limit?: number | undefined
}

/** Why rows are rejected, and how many. Times are texts with offset. */
export interface RejectReason {
  readonly pipeline: string
  readonly sqlState: string
  /** Column of the target, where the server said so. */
  readonly column: string | null
  /** In words, without the value. */
  readonly message: string
  readonly rows: number
  readonly firstRejectedAt: string
  readonly lastRejectedAt: string
}

/** One row that the target could not take so far. */
export interface RejectedRow {
  readonly pipeline: string
  readonly key: string
  /** The last run that tried; null when that was a repair. */
  readonly executionId: string | null
  readonly sqlState: string
  readonly column: string | null
  readonly message: string
  /** How many runs have tried. */
  readonly attempts: number
  readonly firstRejectedAt: string
  readonly lastRejectedAt: string
}

export interface Rejects {
  /** The most frequent one first. */
  readonly reasons: readonly RejectReason[]
  /** The last one that was refused first. */
  readonly rows: readonly RejectedRow[]
}

/**
 * What stands in `etl_rejects`: the reasons, all of them, and the newest rows. The content of rows is not among it, whatever `keepRejected`
 * said. Throws TARGET_NOT_MIGRATED, TARGET_UNREACHABLE, TARGET_AUTH_FAILED, TARGET_DATABASE_MISSING or TARGET_FORBIDDEN.
 *
 * @example const { reasons } = await readRejects({ target: process.env.LOCAL_DATABASE_URL })
 */
export async function readRejects({ target, pipeline, limit = 20 }: RejectsOptions): Promise<Rejects> {
  const connection = { applicationName: 'chatwoot-sync rejects', connectTimeout: 10_000 }
  await using session = await openSession('target', target, connection)
  await session.script(beginReading({ statementTimeout: 60_000, lockTimeout: 60_000 }))
  const [row] = await session.rows(rejectsQuery(pipeline ?? null, limit))
  await session.script(['commit'])
  const rejects: Rejects = JSON.parse(row?.[0] ?? '{"reasons": [], "rows": []}')
  return rejects
}

const rejectsQuery = (pipeline: string | null, limit: number) =>
  compile(sql`
    select json_build_object(
      'reasons', (
        select coalesce(json_agg(reason), '[]'::json)
        from (
          select
            pipeline,
            sql_state as "sqlState",
            column_name as "column",
            message,
            rows_rejected as "rows",
            first_rejected_at::text as "firstRejectedAt",
            last_rejected_at::text as "lastRejectedAt"
          from vw_etl_reject_reasons
          where pipeline = ${pipeline}::text
             or ${pipeline}::text is null
          order by
            rows_rejected desc,
            pipeline,
            sql_state,
            column_name
        ) reason
      ),
      'rows', (
        select coalesce(json_agg(entry), '[]'::json)
        from (
          select
            pipeline,
            row_key as "key",
            execution_id as "executionId",
            sql_state as "sqlState",
            column_name as "column",
            message,
            attempts,
            first_rejected_at::text as "firstRejectedAt",
            last_rejected_at::text as "lastRejectedAt"
          from etl_rejects
          where pipeline = ${pipeline}::text
             or ${pipeline}::text is null
          order by
            last_rejected_at desc,
            pipeline,
            row_key
          limit ${limit}::bigint
        ) entry
      )
    )::text`)
