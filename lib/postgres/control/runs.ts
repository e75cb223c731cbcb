import { sql, type CompiledQuery, type RawBuilder, type Selectable } from 'kysely'

import type { DB } from '../../../db/schema/target.js'
import { SyncError } from '../../domain/errors.js'
import type { Counts, LoadType, Phases, SyncReport, TriggeredBy, Warning } from '../../domain/report.js'
import type { Session } from '../driver/session.js'
import { builder, compile, controlName } from '../driver/statement.js'
import { durationSince, recordedCounts, recordedMargin, withMarker } from './recorded.js'

export interface RunStart {
  readonly executionId: string
  readonly pipeline: string
  readonly loadType: LoadType
  readonly triggeredBy: TriggeredBy
  /** Milliseconds; 0 keeps the history for ever. */
  readonly keepHistory: number
}

/**
 * Inserts the running row and returns the process id of the server's end. Runs that died without closing theirs are closed as INTERRUPTED:
 * that this run holds the lock shows that none of them is alive. History that is older than `keepHistory` and not needed any more is
 * deleted, some rows at a time.
 */
export async function openRun(target: Session, start: RunStart): Promise<string | undefined> {
  const { executionId, pipeline, loadType, triggeredBy, keepHistory } = start
  const interrupted = builder
    .updateTable('etl_control')
    .set({
      ...closing,
      status: 'failed',
      error_code: 'INTERRUPTED',
      error_message:
        'The run ended without closing its row: it was killed, or lost its connection. The next run continues from what it committed.',
    })
    .where('pipeline', '=', pipeline)
    .where('status', '=', 'running')
    .compile()
  const opened = builder
    .insertInto('etl_control')
    .values({ execution_id: executionId, pipeline, load_type: loadType, triggered_by: triggeredBy })
    .returning(sql<string>`pg_backend_pid()::text`.as('process'))
    .compile()
  const trim = keepHistory === 0 ? [] : [trimHistory(pipeline, keepHistory)]
  const [, opening] = await target.together<[unknown, { process: string }, ...unknown[]]>([
    interrupted,
    opened,
    ...trim,
  ])
  return opening[0]?.process
}

/** Rows of each kind that one run deletes at most: a day's runs of every five minutes, so that a long history is deleted without a pause. */
const trimmedAtOnce = 300

/** Deletes what is older than `keep` milliseconds and not needed any more; the function of the database knows what is needed. */
const trimHistory = (pipeline: string, keep: number): CompiledQuery =>
  compile(sql`
    select ${controlName('etl_trim_history')}(
      ${pipeline}::text,
      make_interval(secs => ${keep / 1000}::double precision),
      ${trimmedAtOnce}::integer
    )::text as trimmed`)

/** What a run has done so far; it is written with the rows, in their transaction. */
export interface RunProgress extends Counts {
  readonly loadType: LoadType
  readonly reason: string | null
  readonly watermarkStart: string | null
  readonly watermarkEnd: string | null
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
  const recorded = updateRunning(run).set(progressColumns(progress)).returning('status').compile()
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
    .set({ ...progressColumns(progress), ...closing, status: 'success', resume_key: null, state })
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

const closing = {
  completed_at: sql<string>`clock_timestamp()`,
  duration_seconds: durationSince(sql.ref('started_at')),
}

function progressColumns(progress: RunProgress) {
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
    resume_key: progress.resumeKey,
    state: progress.state,
  }
}

function lockLost(): SyncError {
  return new SyncError(
    'LOCK_LOST',
    'Another run took over while this one was stalled, or a pooler moved it to another connection than the one with its lock; it wrote nothing after that.',
    { remedy: "Run it again; through a pooler, connect to the server's own address instead." },
  )
}

type Stored = Selectable<DB['etl_control']>

const text = <Column extends keyof Stored>(column: Column) => sql<string>`${sql.ref(column)}::text`.as(column)
const textOrNull = <Column extends keyof Stored>(column: Column) =>
  sql<string | null>`${sql.ref(column)}::text`.as(column)

/** The columns of a row of `etl_control` that a report is made of: for `select`, and for `returning`. */
export const reportColumns = [
  'pipeline',
  'status',
  'load_type',
  'triggered_by',
  'reason',
  'rows_extracted',
  'rows_inserted',
  'rows_updated',
  'rows_unchanged',
  'rows_deleted',
  'rows_rejected',
  'horizon_mode',
  'error_code',
  'error_message',
  text('execution_id'),
  text('started_at'),
  text('phases'),
  text('warnings'),
  textOrNull('completed_at'),
  textOrNull('duration_seconds'),
  textOrNull('watermark_start'),
  textOrNull('watermark_end'),
  textOrNull('margin_used_seconds'),
] as const

type Texts = 'execution_id' | 'started_at' | 'phases' | 'warnings'
type TextsOrNull =
  'completed_at' | 'duration_seconds' | 'watermark_start' | 'watermark_end' | 'margin_used_seconds'

/** A row that was selected by `reportColumns`. */
export type RunRow = Pick<
  Stored,
  | 'pipeline'
  | 'status'
  | 'load_type'
  | 'triggered_by'
  | 'reason'
  | 'rows_extracted'
  | 'rows_inserted'
  | 'rows_updated'
  | 'rows_unchanged'
  | 'rows_deleted'
  | 'rows_rejected'
  | 'horizon_mode'
  | 'error_code'
  | 'error_message'
> & { readonly [Column in Texts]: string } & { readonly [Column in TextsOrNull]: string | null }

/** The report of a run. Checks of the table vouch for the words of status, load type, trigger and horizon mode. */
export function toReport(row: RunRow): SyncReport {
  return {
    executionId: row.execution_id,
    pipeline: row.pipeline,
    status: row.status as SyncReport['status'],
    loadType: row.load_type as SyncReport['loadType'],
    triggeredBy: row.triggered_by as SyncReport['triggeredBy'],
    reason: row.reason,
    startedAt: row.started_at,
    completedAt: row.completed_at,
    durationSeconds: numberOf(row.duration_seconds),
    watermarkStart: row.watermark_start,
    watermarkEnd: row.watermark_end,
    rowsExtracted: row.rows_extracted,
    rowsInserted: row.rows_inserted,
    rowsUpdated: row.rows_updated,
    rowsUnchanged: row.rows_unchanged,
    rowsDeleted: row.rows_deleted,
    rowsRejected: row.rows_rejected,
    phases: JSON.parse(row.phases),
    warnings: JSON.parse(row.warnings),
    horizonMode: row.horizon_mode as SyncReport['horizonMode'],
    marginUsedSeconds: numberOf(row.margin_used_seconds),
    errorCode: row.error_code,
    errorMessage: row.error_message,
    dryRun: false,
  }
}

function numberOf(numeric: string | null): number | null {
  return numeric === null ? null : Number(numeric)
}
