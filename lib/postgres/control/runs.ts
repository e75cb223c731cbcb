import { sql, type CompiledQuery } from 'kysely'

import { SyncError } from '../../domain/errors.js'
import type { Micros } from '../../domain/micros.js'
import type { Counts, LoadType, Phases, SyncReport, TriggeredBy, Warning } from '../../domain/report.js'
import { reportColumns, toReport } from './run-row.js'
import { trimHistory } from './history.js'
import type { Cells, Session } from '../driver/session.js'
import { compile, target as db } from '../driver/statement.js'

export interface RunStart {
  readonly pipeline: string
  readonly loadType: LoadType
  readonly triggeredBy: TriggeredBy
  /** Milliseconds; 0 for ever. */
  readonly keepHistory: number
}

/**
 * Inserts the running row. Runs that died without closing theirs are closed as INTERRUPTED: the lock shows that nobody
 * works on them. What is older than `keepHistory` and not needed any more is deleted, a portion at a time. Gives the server's process.
 */
export async function openRun(
  target: Session,
  executionId: string,
  { pipeline, loadType, triggeredBy, keepHistory }: RunStart,
): Promise<string | undefined> {
  const [, opened = []] = await target.together([
    db
      .updateTable('etl_control')
      .set({
        ...closing,
        status: 'failed',
        error_code: 'INTERRUPTED',
        error_message:
          'The run ended without closing its row: it was killed, or lost its connection. The next run goes on.',
      })
      .where('pipeline', '=', pipeline)
      .where('status', '=', 'running')
      .compile(),
    db
      .insertInto('etl_control')
      .values({ execution_id: executionId, pipeline, load_type: loadType, triggered_by: triggeredBy })
      .returning(sql<string>`pg_backend_pid()::text`.as('process'))
      .compile(),
    ...(keepHistory === 0 ? [] : [trimHistory(pipeline, keepHistory)]),
  ])
  return opened[0]?.[0] ?? undefined
}

/** What earlier runs of the pipeline leave to this one. */
export interface Inheritance {
  /** The last good run. */
  readonly good:
    | {
        readonly state: string | null
        readonly fingerprint: string | null
        /** Where another program's history ends, which has a watermark and no fingerprint. */
        readonly foreignWatermark: Micros | null
      }
    | undefined
  /** A full read that did not come to its end, newer than the last good run. */
  readonly unfinished:
    | {
        readonly executionId: string
        readonly state: string
        readonly fingerprint: string
        readonly resumeKey: string
      }
    | undefined
}

/** What `toInheritance` reads. */
export const inheritQuery = (pipeline: string): CompiledQuery =>
  db
    .selectFrom('etl_control')
    .distinctOn('status')
    .select([
      'status',
      sql<string>`execution_id::text`.as('execution_id'),
      'fingerprint',
      'resume_key',
      sql<string>`state::text`.as('state'),
      sql<string>`(extract(epoch from started_at) * 1000000)::bigint::text`.as('started_at'),
      sql<string>`(extract(epoch from watermark_end) * 1000000)::bigint::text`.as('watermark'),
    ])
    .where('pipeline', '=', pipeline)
    .where(({ or, eb }) =>
      or([eb('status', '=', 'success'), eb('status', '=', 'failed').and('resume_key', 'is not', null)]),
    )
    .orderBy('status')
    .orderBy('etl_control.started_at', 'desc')
    .compile()

export function toInheritance(rows: readonly Cells[]): Inheritance {
  const success = rows.find(([status]) => status === 'success')
  const good = success && {
    fingerprint: success[2] ?? null,
    state: success[4] ?? null,
    foreignWatermark: success[2] === null && success[6] ? Number(success[6]) : null,
  }
  const [, executionId, fingerprint, resumeKey, state, startedAt] =
    rows.find(([status]) => status === 'failed') ?? []
  const isNewer = Number(startedAt) > Number(success?.[5] ?? 0)
  const unfinished =
    isNewer && executionId && state && fingerprint && resumeKey
      ? { executionId, state, fingerprint, resumeKey }
      : undefined
  return { good, unfinished }
}

/** What a run has come to; it is written with the rows, in their transaction. */
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
  readonly resumeKey: string | null
  /** JSON. */
  readonly state: string | null
  /** The server's process that holds the lock. */
  readonly lockedIn: string
}

/**
 * Writes the progress into the run's row, in the transaction that also writes the rows. Throws LOCK_LOST when the row is no longer
 * `running`, as then another run took over, or when this is not the process that holds the lock: nothing may be committed then. Gives the rows of `also`, asked in the same round
 * trip.
 */
export async function recordProgress(
  target: Session,
  executionId: string,
  progress: RunProgress,
  also: CompiledQuery,
): Promise<readonly Cells[]> {
  const [rows = [], others = []] = await target.together([
    db
      .updateTable('etl_control')
      .set(progressColumns(progress))
      .where('execution_id', '=', executionId)
      .where('status', '=', 'running')
      .where(isIn(progress.lockedIn))
      .returning(sql<string>`status`.as('status'))
      .compile(),
    also,
  ])
  if (rows.length === 0) throw lockLost()
  return others
}

/** Closes the run as a success, in the transaction of its last rows, or in one of its own where none is open. States of older runs are dropped: one is enough to go on from. */
export async function closeRun(
  target: Session,
  executionId: string,
  progress: RunProgress,
  pipeline: string,
): Promise<SyncReport> {
  const [, rows = []] = await target.together([
    compile(sql`
    update etl_control
    set state = null
    where pipeline = ${pipeline}::text
      and state is not null
      and execution_id <> ${executionId}::uuid
      and ${isIn(progress.lockedIn)}
      and exists (select from etl_control where execution_id = ${executionId}::uuid and status = 'running')`),
    db
      .updateTable('etl_control')
      .set({ ...progressColumns(progress), ...closing, status: 'success', resume_key: null })
      .where('execution_id', '=', executionId)
      .where('status', '=', 'running')
      .where(isIn(progress.lockedIn))
      .returning(reportColumns)
      .compile(),
  ])
  if (!rows[0]) throw lockLost()
  return toReport(rows[0])
}

export interface Failure {
  readonly code: string
  readonly message: string
  readonly traceback: string
}

/** Closes the run as failed; what it had committed stays counted. */
export async function failRun(
  target: Session,
  executionId: string,
  { code, message, traceback }: Failure,
): Promise<void> {
  await target.rows(
    db
      .updateTable('etl_control')
      .set({
        ...closing,
        status: 'failed',
        error_code: code,
        error_message: message,
        error_traceback: traceback,
      })
      .where('execution_id', '=', executionId)
      .where('status', '=', 'running')
      .compile(),
  )
}

/** Behind a pooler that does not keep a connection for its client, a transaction may come to another process than the lock did. */
const isIn = (process: string) => sql<boolean>`pg_backend_pid()::text = ${process}::text`

const closing = {
  completed_at: sql<string>`clock_timestamp()`,
  duration_seconds: sql<string>`round(extract(epoch from clock_timestamp() - started_at)::numeric, 3)`,
}

function progressColumns(progress: RunProgress) {
  return {
    load_type: progress.loadType,
    reason: progress.reason,
    watermark_start: progress.watermarkStart,
    watermark_end: progress.watermarkEnd,
    rows_extracted: progress.rowsExtracted,
    rows_inserted: progress.rowsInserted,
    rows_updated: progress.rowsUpdated,
    rows_unchanged: progress.rowsUnchanged,
    rows_deleted: progress.rowsDeleted,
    rows_rejected: progress.rowsRejected,
    phases: JSON.stringify(progress.phases),
    warnings: JSON.stringify(progress.warnings),
    horizon_mode: progress.horizonMode,
    margin_used_seconds: progress.marginUsedSeconds,
    fingerprint: progress.fingerprint,
    resume_key: progress.resumeKey,
    state: progress.state,
  }
}

function lockLost(): SyncError {
  return new SyncError(
    'LOCK_LOST',
    'Another run took over while this one was held up, or a pooler moved it away from its lock, so nothing more of it was written.',
    { remedy: "Run it again; through a pooler, give the server's own address instead." },
  )
}
