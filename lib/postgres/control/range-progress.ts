import { sql, type CompiledQuery } from 'kysely'

import type { Counts } from '../../domain/report.js'
import type { Session } from '../driver/session.js'
import { builder } from '../driver/statement.js'
import { lockLost, recordedRows } from './runs.js'

/** How far a connection came with its range. */
export interface RangeProgress {
  /** Where the range is in the list that the state of the run holds. */
  readonly place: number
  /** Its last key that is committed with this. */
  readonly reached: string
  /** The key up to which all ranges are committed. */
  readonly resumeKey: string | null
  /** What was counted since the connection has recorded the last time. */
  readonly counts: Counts
}

/**
 * Adds to the run's row what one of several connections has loaded, in the transaction that also writes the rows, and returns the rows of
 * `also`, which shares the round trip. Throws LOCK_LOST when the row is no longer `running` or its list of ranges has another token, as then
 * another run took over, or this one started again after a failure: nothing may be committed then.
 */
export async function recordRange<Row>(
  target: Session,
  { executionId, token }: { readonly executionId: string; readonly token: string },
  { place, reached, resumeKey, counts }: RangeProgress,
  also: CompiledQuery<Row>,
): Promise<readonly Row[]> {
  const recorded = builder
    .updateTable('etl_control')
    .set({
      ...addedCounts(counts),
      resume_key: resumeKey,
      state: sql<string>`jsonb_set(
        state,
        ${`{ranges,list,${place},reached}`}::text[],
        to_jsonb(${reached}::text)
      )`,
    })
    .where('execution_id', '=', executionId)
    .where('status', '=', 'running')
    .where(sql<boolean>`state -> 'ranges' ->> 'token' = ${token}::text`)
    .returning('status')
    .compile()
  const [rows, others] = await target.together([recorded, also])
  if (rows.length === 0) throw lockLost()
  return others
}

/** Rows beyond what the columns can hold are no longer counted, so that the counts still add up. */
function addedCounts(counts: Counts) {
  const most = recordedRows(Infinity)
  const add = (column: string, rows: number) =>
    sql<number>`case
      when rows_extracted > ${most - counts.rowsExtracted}::integer then ${sql.ref(column)}
      else ${sql.ref(column)} + ${rows}::integer
    end`
  return {
    rows_extracted: add('rows_extracted', counts.rowsExtracted),
    rows_inserted: add('rows_inserted', counts.rowsInserted),
    rows_updated: add('rows_updated', counts.rowsUpdated),
    rows_unchanged: add('rows_unchanged', counts.rowsUnchanged),
    rows_rejected: add('rows_rejected', counts.rowsRejected),
    rows_deleted: sql<number>`least(rows_deleted::bigint + ${counts.rowsDeleted}::bigint, ${most}::bigint)::integer`,
  }
}
