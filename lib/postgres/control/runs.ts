import { sql, type CompiledQuery, type RawBuilder } from 'kysely'

import { SyncError } from '../../domain/errors.js'
import type { Counts, LoadType, Phases, SyncReport, TriggeredBy, Warning } from '../../domain/report.js'
import { ownFunction, ownRelation } from '../driver/search-path.js'
import type { Session } from '../driver/session.js'
import { builder, compile, controlName } from '../driver/statement.js'
import { durationSince, recordedCounts, recordedMargin } from './recorded-numbers.js'
import { previousRunsQuery, reportColumns, toPreviousRuns, toReport, type PreviousRuns } from './run-rows.js'

export interface RunStart {
  readonly executionId: string
  readonly pipeline: string
  readonly loadType: LoadType
  readonly triggeredBy: TriggeredBy
  /** Milliseconds; 0 keeps the history for ever. */
  readonly keepHistory: number
}

/**
 * Inserts the running row, and returns the process id of the server's end and what earlier runs have left. Runs that died without closing
 * theirs are closed as INTERRUPTED: that this run holds the lock shows that none of them is alive. History that is older than `keepHistory`
 * and not needed any more is deleted, some rows at a time.
 */
export async function openRun(target: Session, start: RunStart): Promise<OpenedRun> {
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
    .returning([sql<string>`pg_backend_pid()::text`.as('process'), hasIndexedWatermark.as('hasIndexed')])
    .compile()
  const trim = keepHistory === 0 ? [] : [trimHistory(pipeline, keepHistory)]
  const [, [opening], previous] = await target.together([
    interrupted,
    opened,
    previousRunsQuery(pipeline),
    ...trim,
  ])
  return {
    process: opening?.process,
    keepsIndexedWatermark: opening?.hasIndexed === true,
    previousRuns: toPreviousRuns(previous),
  }
}

const hasIndexedWatermark = sql<boolean>`exists (
  select 1
  from pg_attribute
  where attrelid = ${ownRelation(sql`'etl_control'::text`)}
    and attname = 'watermark_indexed'
    and not attisdropped
)`

/** What is known of a run once it has its row. */
export interface OpenedRun {
  /** Process id of the server's end. */
  readonly process: string | undefined
  /** `migrate` has added the column for the second watermark. */
  readonly keepsIndexedWatermark: boolean
  readonly previousRuns: PreviousRuns
}

/** Rows of each kind that one run deletes at most: a day's runs of every five minutes, so that a long history is deleted without a pause. */
const trimmedAtOnce = 300

/**
 * Deletes what is older than `keep` milliseconds and not needed any more; the function of the database knows what is needed. It is called
 * only where there is something to delete, as each session would compile it, and only once `migrate` has given it a path: an older one
 * looks for its tables on that of the session, which leaves out a schema where everybody may create.
 */
const trimHistory = (pipeline: string, keep: number): CompiledQuery =>
  compile(sql`
    select
      case
        when exists (
          select 1
          from ${controlName('etl_control')}
          where pipeline = ${pipeline}::text
            and started_at < now() - make_interval(secs => ${keep / 1000}::double precision)
        )
        and exists (
          select 1
          from ${ownFunction('etl_trim_history')}
          where p.proconfig is not null
        )
        then ${controlName('etl_trim_history')}(
          ${pipeline}::text,
          make_interval(secs => ${keep / 1000}::double precision),
          ${trimmedAtOnce}::integer
        )::text
      end as trimmed`)

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

const closing = {
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
export const withMarker = (
  state: string | null,
  marker: RawBuilder<string>,
): RawBuilder<string> => sql<string>`(
  select coalesce(jsonb_set(s.state, '{identities,marker}', ${marker}), s.state)
  from (select ${state}::jsonb as state) s
)`
