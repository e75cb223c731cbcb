import { sql, type CompiledQuery, type RawBuilder } from 'kysely'

import { SyncError } from '../../domain/errors.js'
import type { Counts, LoadType, Phases, SyncReport, Warning } from '../../domain/report.js'
import { ownRelation } from '../driver/search-path.js'
import type { Session } from '../driver/session.js'
import { builder } from '../driver/statement.js'
import { reportColumns, toReport } from './run-rows.js'

/**
 * The most that an integer column holds. What a run or a comparison notes of itself is kept within the bounds of the columns, as no row may
 * be lost because of a number about it.
 */
const mostRows = 2 ** 31 - 1

/** Seconds of 31 years: a clock that was set right meanwhile may show more. */
const mostSeconds = 999_999_999

/** Seconds that the column of the margin held before a migration widened it. */
const narrowMargin = 999_999

/** What a run has done so far; it is written with the rows, in their transaction. */
export interface RunProgress extends Counts {
  readonly loadType: LoadType
  readonly reason: string | null
  readonly watermarkStart: string | null
  readonly watermarkEnd: string | null
  readonly watermarkIndexed: string | null
  readonly phases: Partial<Phases>
  readonly warnings: readonly Warning[]
  readonly horizonMode: 'primary' | 'standby' | null
  readonly marginUsedSeconds: number | null
  readonly fingerprint: string
  /** JSON. */
  readonly state: string | null
  /** Last key that is committed with it; null for an incremental run and once all rows were read. */
  readonly resumeKey: string | null
}

/** Which row a run writes, and the process of the server that holds its lock. */
export interface RunHandle {
  readonly executionId: string
  readonly pipeline: string
  readonly lockedIn: string
  /** The column for the second watermark is there. */
  readonly keepsIndexedWatermark: boolean
}

/**
 * Writes the progress into the run's row, in the transaction that also writes the rows, and returns the rows of `also`, which shares the
 * round trip. Throws LOCK_LOST when the row is no longer `running`, as then another run took over, or when this is not the process that
 * holds the lock: nothing may be committed then.
 */
export async function recordProgress<Row>(
  target: Session,
  run: RunHandle,
  progress: RunProgress,
  also: CompiledQuery<Row>,
): Promise<readonly Row[]> {
  const recorded = updateRunning(run).set(progressColumns(run, progress)).returning('status').compile()
  const [rows, others] = await target.together([recorded, also])
  if (rows.length === 0) throw lockLost()
  return others
}

/**
 * Closes the run as a success, in the transaction of its last rows, or in one of its own where none is open, and returns its report. States
 * of older runs are dropped: one is enough to continue from. `marker` is SQL for that of the state, or NULL. Throws LOCK_LOST as `recordProgress`.
 */
export async function closeRun(
  target: Session,
  run: RunHandle,
  progress: RunProgress,
  marker?: RawBuilder<string>,
): Promise<SyncReport> {
  const dropStates = builder
    .updateTable('etl_control')
    .set({ state: null })
    .where('pipeline', '=', run.pipeline)
    .where('state', 'is not', null)
    .where('execution_id', '<>', run.executionId)
    .where(isLockedIn(run))
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('etl_control')
          .select('status')
          .where('execution_id', '=', run.executionId)
          .where('status', '=', 'running'),
      ),
    )
    .compile()
  const state = marker ? withMarker(progress.state, marker) : progress.state
  const close = updateRunning(run)
    .set({ ...progressColumns(run, progress), ...closing, status: 'success', resume_key: null, state })
    .returning(reportColumns)
    .compile()
  const [, [closed]] = await target.together([dropStates, close])
  if (!closed) throw lockLost()
  return toReport(closed)
}

/** What is written of a failure: without secrets and without personal data. */
export interface RunFailure {
  readonly code: string
  readonly message: string
  readonly traceback: string
}

/** Closes the run as failed; what it had committed stays counted. A row that is no longer `running` is left as it is. */
export async function failRun({ db }: Session, executionId: string, failure: RunFailure): Promise<void> {
  await db
    .updateTable('etl_control')
    .set({
      ...closing,
      status: 'failed',
      error_code: failure.code,
      error_message: failure.message,
      error_traceback: failure.traceback,
    })
    .where('execution_id', '=', executionId)
    .where('status', '=', 'running')
    .execute()
}

const updateRunning = (run: RunHandle) =>
  builder
    .updateTable('etl_control')
    .where('execution_id', '=', run.executionId)
    .where('status', '=', 'running')
    .where(isLockedIn(run))

/** Behind a pooler that does not keep a connection for its client, a transaction may run in another process than the one with the lock. */
const isLockedIn = ({ lockedIn }: RunHandle) => sql<boolean>`pg_backend_pid()::text = ${lockedIn}::text`

/** What every row that is closed has. */
export const closing = {
  completed_at: sql<string>`clock_timestamp()`,
  duration_seconds: durationSince(sql.ref('started_at')),
}

function progressColumns({ keepsIndexedWatermark }: RunHandle, progress: RunProgress) {
  const counts = recordedCounts(progress)
  return {
    load_type: progress.loadType,
    reason: progress.reason,
    watermark_start: progress.watermarkStart,
    watermark_end: progress.watermarkEnd,
    rows_extracted: counts.rowsExtracted,
    rows_inserted: counts.rowsInserted,
    rows_updated: counts.rowsUpdated,
    rows_unchanged: counts.rowsUnchanged,
    rows_deleted: counts.rowsDeleted,
    rows_rejected: counts.rowsRejected,
    phases: JSON.stringify(progress.phases),
    warnings: JSON.stringify(progress.warnings),
    horizon_mode: progress.horizonMode,
    margin_used_seconds: recordedMargin(progress.marginUsedSeconds),
    fingerprint: progress.fingerprint,
    ...(keepsIndexedWatermark ? { watermark_indexed: progress.watermarkIndexed } : {}),
    resume_key: progress.resumeKey,
    state: progress.state,
  }
}

/** Another run works on the pipeline, or the lock is on another connection. */
export function lockLost(): SyncError {
  return new SyncError(
    'LOCK_LOST',
    'Another run took over while this one was stalled, or a pooler moved it to another connection than the one with its lock; it wrote nothing after that.',
    { remedy: "Run it again; through a pooler, connect to the server's own address instead." },
  )
}

/** A state with a marker, or as it is where that is NULL. */
const withMarker = (state: string | null, marker: RawBuilder<string>): RawBuilder<string> => sql<string>`(
  select coalesce(jsonb_set(s.state, '{identities,marker}', ${marker}), s.state)
  from (select ${state}::jsonb as state) s
)`

/** A count of rows. */
export const recordedRows = (rows: number): number => Math.min(rows, mostRows)

/** The counts of a run, which still add up. */
export function recordedCounts(counts: Counts): Counts {
  let left = mostRows
  const take = (rows: number) => {
    const taken = Math.min(rows, left)
    left -= taken
    return taken
  }
  const rowsRejected = take(counts.rowsRejected)
  const rowsInserted = take(counts.rowsInserted)
  const rowsUpdated = take(counts.rowsUpdated)
  const rowsUnchanged = take(counts.rowsUnchanged)
  return {
    ...{ rowsRejected, rowsInserted, rowsUpdated, rowsUnchanged },
    rowsExtracted: mostRows - left,
    rowsDeleted: recordedRows(counts.rowsDeleted),
  }
}

/** How late stamps were; what the column holds is read from the catalog, as it may not have been widened yet. */
function recordedMargin(seconds: number | null): number | RawBuilder<number> | null {
  if (seconds === null || seconds <= narrowMargin) return seconds
  return sql<number>`least(
    ${seconds}::numeric,
    (
      select power(10::numeric, ((nullif(atttypmod, -1) - 4) >> 16) - 6) - 0.000001
      from pg_attribute
      where attrelid = ${ownRelation(sql`'etl_control'::text`)}
        and attname = 'margin_used_seconds'
    )
  )`
}

/** Seconds from a time of the target's clock until now. */
export function durationSince(start: RawBuilder<unknown>): RawBuilder<string> {
  const seconds = sql`extract(epoch from clock_timestamp() - ${start})::numeric`
  return sql<string>`round(least(greatest(${seconds}, ${sql.lit(-mostSeconds)}), ${sql.lit(mostSeconds)}), 3)`
}
