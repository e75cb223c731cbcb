import { sql, type InferResult } from 'kysely'

import type { VerifyReport } from '../../domain/verification.js'
import type { Session } from '../driver/session.js'
import { builder } from '../driver/statement.js'
import { durationSince, recordedRows } from './runs.js'

type Comparison = Omit<VerifyReport, 'verificationId' | 'startedAt' | 'completedAt' | 'durationSeconds'>

/** Inserts the row of a comparison that began at `startedAt`, a time of the target's clock, and returns it as a report. */
export async function recordVerification(
  { db }: Session,
  startedAt: string,
  found: Comparison,
): Promise<VerifyReport> {
  const row = await db
    .insertInto('etl_verification')
    .values({
      pipeline: found.pipeline,
      started_at: startedAt,
      completed_at: sql<string>`clock_timestamp()`,
      duration_seconds: durationSince(sql`${startedAt}::timestamptz`),
      source_time: found.sourceTime,
      sample: found.sample,
      rows_compared: recordedRows(found.rowsCompared),
      rows_missing: recordedRows(found.rowsMissing),
      rows_stale: recordedRows(found.rowsStale),
      rows_extra: recordedRows(found.rowsExtra),
      // Before `migrate` there is no such column, and no such table by month.
      ...(found.rowsDouble > 0 ? { rows_double: recordedRows(found.rowsDouble) } : {}),
      rows_silent: recordedRows(found.rowsSilent),
      rows_pending: recordedRows(found.rowsPending),
      rows_rejected: recordedRows(found.rowsRejected),
      rows_repaired: recordedRows(found.rowsRepaired),
      differing_columns: JSON.stringify(found.differingColumns),
      differing_keys: JSON.stringify(found.differingKeys),
    })
    .returning([
      sql<string>`verification_id::text`.as('verification_id'),
      sql<string>`completed_at::text`.as('completed_at'),
      sql<string>`duration_seconds::text`.as('duration_seconds'),
    ])
    .executeTakeFirstOrThrow()
  return {
    ...found,
    verificationId: row.verification_id,
    startedAt,
    completedAt: row.completed_at,
    durationSeconds: Number(row.duration_seconds),
  }
}

/** No row is missing any longer: what the last run said of rows that another program deleted is over. */
export async function forgetTargetDeletes({ db }: Session, pipeline: string): Promise<void> {
  const flag = '{identities,hasWarnedOfDeletes}'
  await db
    .updateTable('etl_control')
    .set({ state: sql<string>`jsonb_set(state, ${flag}::text[], 'false')` })
    .where('pipeline', '=', pipeline)
    .where('status', '=', 'success')
    .where('state', 'is not', null)
    .where(sql<boolean>`state #>> ${flag}::text[] = 'true'`)
    .execute()
}

/** The newest comparison of a pipeline, at most one row; `toVerifyReport` reads it. */
export const lastVerificationQuery = (pipeline: string) =>
  builder
    .selectFrom('etl_verification')
    .select([
      sql<string>`verification_id::text`.as('verification_id'),
      'pipeline',
      sql<string>`started_at::text`.as('started_at'),
      sql<string>`completed_at::text`.as('completed_at'),
      sql<string>`duration_seconds::text`.as('duration_seconds'),
      sql<string | null>`source_time::text`.as('source_time'),
      sql<string>`sample::text`.as('sample'),
      'rows_compared',
      'rows_missing',
      'rows_stale',
      'rows_extra',
      sql<string | null>`to_jsonb(etl_verification) ->> 'rows_double'`.as('rows_double'),
      'rows_silent',
      'rows_pending',
      'rows_rejected',
      'rows_repaired',
      sql<string>`differing_columns::text`.as('differing_columns'),
      sql<string>`differing_keys::text`.as('differing_keys'),
    ])
    .where('pipeline', '=', pipeline)
    .orderBy('etl_verification.started_at', 'desc')
    .limit(1)
    .compile()

type VerificationRow = InferResult<ReturnType<typeof lastVerificationQuery>>[number]

export function toVerifyReport(row: VerificationRow): VerifyReport {
  return {
    verificationId: row.verification_id,
    pipeline: row.pipeline,
    startedAt: row.started_at,
    completedAt: row.completed_at,
    durationSeconds: Number(row.duration_seconds),
    sourceTime: row.source_time,
    sample: Number(row.sample),
    rowsCompared: row.rows_compared,
    rowsMissing: row.rows_missing,
    rowsStale: row.rows_stale,
    rowsExtra: row.rows_extra,
    rowsDouble: Number(row.rows_double ?? 0),
    rowsSilent: row.rows_silent,
    rowsPending: row.rows_pending,
    rowsRejected: row.rows_rejected,
    rowsRepaired: row.rows_repaired,
    differingColumns: JSON.parse(row.differing_columns),
    differingKeys: JSON.parse(row.differing_keys),
  }
}
