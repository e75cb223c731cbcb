import { sql } from 'kysely'

import type { VerifyReport } from '../../domain/verification.js'
import type { Session } from '../driver/session.js'
import { target as db } from '../driver/statement.js'

type Finding = Omit<VerifyReport, 'verificationId' | 'startedAt' | 'completedAt' | 'durationSeconds'>

/** Time of the target's clock. */
export async function clockOf(target: Session): Promise<string> {
  const [row] = await target.rows(db.selectNoFrom(sql<string>`clock_timestamp()::text`.as('now')).compile())
  return row?.[0] ?? ''
}

/** The same as microseconds, for a caller who has more to ask in the same round trip. */
export const clockQuery = db
  .selectNoFrom(sql<string>`(extract(epoch from clock_timestamp()) * 1000000)::bigint::text`.as('now'))
  .compile()

/** Keeps what a comparison found, and gives it as its report. */
export async function recordVerification(
  target: Session,
  startedAt: string,
  finding: Finding,
): Promise<VerifyReport> {
  const [row] = await target.rows(
    db
      .insertInto('etl_verification')
      .values({
        pipeline: finding.pipeline,
        started_at: startedAt,
        completed_at: sql<string>`clock_timestamp()`,
        duration_seconds: sql<string>`round(extract(epoch from clock_timestamp() - ${startedAt}::timestamptz)::numeric, 3)`,
        source_time: finding.sourceTime,
        sample: finding.sample,
        rows_compared: finding.rowsCompared,
        rows_missing: finding.rowsMissing,
        rows_stale: finding.rowsStale,
        rows_extra: finding.rowsExtra,
        rows_silent: finding.rowsSilent,
        rows_pending: finding.rowsPending,
        rows_rejected: finding.rowsRejected,
        rows_repaired: finding.rowsRepaired,
        differing_columns: JSON.stringify(finding.differingColumns),
        differing_keys: JSON.stringify(finding.differingKeys),
      })
      .returning([
        sql<string>`verification_id::text`.as('verification_id'),
        sql<string>`completed_at::text`.as('completed_at'),
        sql<string>`duration_seconds::text`.as('duration_seconds'),
      ])
      .compile(),
  )
  const [verificationId = '', completedAt = '', duration] = (row ?? []).map((cell) => cell ?? '')
  return { ...finding, verificationId, startedAt, completedAt, durationSeconds: Number(duration) }
}
