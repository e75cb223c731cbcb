import { sql, type CompiledQuery, type Selectable } from 'kysely'

import type { DB } from '../../../db/schema/target.js'
import type { Micros } from '../../domain/horizon.js'
import type { SyncReport } from '../../domain/report.js'
import type { Session } from '../driver/session.js'
import { builder } from '../driver/statement.js'

type Stored = Selectable<DB['etl_control']>

const text = <Column extends keyof Stored>(column: Column) => sql<string>`${sql.ref(column)}::text`.as(column)
const textOrNull = <Column extends keyof Stored>(column: Column) =>
  sql<string | null>`${sql.ref(column)}::text`.as(column)

/** The column is not there before `migrate` has added it, nor is its value before a run of this release. */
export const indexedText = sql<
  string | null
>`replace(to_jsonb(${sql.id('etl_control')}) ->> 'watermark_indexed', 'T', ' ')`

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
  indexedText.as('watermark_indexed'),
] as const

type Texts = 'execution_id' | 'started_at' | 'phases' | 'warnings'
type TextsOrNull =
  | 'completed_at'
  | 'duration_seconds'
  | 'watermark_start'
  | 'watermark_end'
  | 'watermark_indexed'
  | 'margin_used_seconds'

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
    watermarkIndexed: row.watermark_indexed ?? row.watermark_end,
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

/** What earlier runs of a pipeline leave to the next one. */
export interface PreviousRuns {
  readonly lastSuccess:
    | {
        readonly state: string | null
        readonly fingerprint: string | null
        /** Watermark of another program's history, which has one and no fingerprint. */
        readonly foreignWatermark: Micros | null
      }
    | undefined
  /** A full load that did not end, if it is newer than the last successful run. */
  readonly unfinished: UnfinishedLoad | undefined
}

/** A full load and how far it came. */
export interface UnfinishedLoad {
  readonly executionId: string
  /** JSON. */
  readonly state: string
  readonly fingerprint: string
  readonly resumeKey: string
}

/** Null for an infinite time, which another program may have written. */
const microsOf = (column: 'started_at' | 'watermark_end') =>
  sql<string | null>`case
    when isfinite(${sql.ref(column)}) then (extract(epoch from ${sql.ref(column)}) * 1000000)::bigint::text
  end`

const idText = sql<string>`execution_id::text`.as('execution_id')
const stateText = sql<string | null>`state::text`.as('state')

/** The newest runs of a pipeline first, so that a limit of one is a step in an index, however long the history is. */
const newestFirst = (pipeline: string) =>
  builder.selectFrom('etl_control').where('pipeline', '=', pipeline).orderBy('started_at', 'desc').limit(1)

/** The last successful run of a pipeline. */
const lastSuccessOf = (pipeline: string) => newestFirst(pipeline).where('status', '=', 'success')

/** The last successful run, and the last failed one after it that can be resumed; `toPreviousRuns` reads the rows. */
export const previousRunsQuery = (pipeline: string) => {
  const unfinished = newestFirst(pipeline)
    .where('status', '=', 'failed')
    .where('resume_key', 'is not', null)
    .where(
      'started_at',
      '>',
      sql<string>`coalesce(${lastSuccessOf(pipeline).select('started_at')}, '-infinity')`,
    )
  const found = builder
    .selectFrom(lastSuccessOf(pipeline).selectAll().as('success'))
    .selectAll()
    .unionAll(builder.selectFrom(unfinished.selectAll().as('unfinished')).selectAll())
  return builder
    .selectFrom(found.as('run'))
    .select([
      'status',
      idText,
      'fingerprint',
      'resume_key',
      stateText,
      microsOf('started_at').as('started'),
      microsOf('watermark_end').as('watermark'),
    ])
    .compile()
}

interface PreviousRow {
  readonly status: string
  readonly execution_id: string
  readonly fingerprint: string | null
  readonly resume_key: string | null
  readonly state: string | null
  readonly started: string | null
  readonly watermark: string | null
}

export function toPreviousRuns(rows: readonly PreviousRow[]): PreviousRuns {
  const success = rows.find(({ status }) => status === 'success')
  const failed = rows.find(({ status }) => status === 'failed')
  const isNewer = failed !== undefined && Number(failed.started) > Number(success?.started ?? 0)
  return {
    lastSuccess: success && {
      fingerprint: success.fingerprint,
      state: success.state,
      foreignWatermark:
        success.fingerprint === null && success.watermark !== null ? Number(success.watermark) : null,
    },
    unfinished: isNewer ? toUnfinished(failed) : undefined,
  }
}

/** What the row of a run holds: only what was committed. */
export interface CommittedRun {
  readonly report: SyncReport
  /** How far a full load came. */
  readonly unfinished: UnfinishedLoad | undefined
}

/** Undefined where the row was never committed. */
export async function readCommittedRun(
  { db }: Session,
  executionId: string,
): Promise<CommittedRun | undefined> {
  const row = await db
    .selectFrom('etl_control')
    .select([...reportColumns, 'fingerprint', 'resume_key', stateText])
    .where('execution_id', '=', executionId)
    .executeTakeFirst()
  return row && { report: toReport(row), unfinished: toUnfinished(row) }
}

function toUnfinished(
  row: Pick<PreviousRow, 'execution_id' | 'state' | 'fingerprint' | 'resume_key'>,
): UnfinishedLoad | undefined {
  const { execution_id: executionId, state, fingerprint, resume_key: resumeKey } = row
  return state && fingerprint && resumeKey ? { executionId, state, fingerprint, resumeKey } : undefined
}

/** The state that the last successful run of a pipeline left, and of which run it is. */
export interface RunState {
  readonly executionId: string
  /** JSON. */
  readonly state: string
}

/** Undefined where the next run would be a full load anyway. */
export async function readRunState({ db }: Session, pipeline: string): Promise<RunState | undefined> {
  const row = await db
    .selectFrom('etl_control')
    .select([idText, stateText])
    .where('pipeline', '=', pipeline)
    .where('status', '=', 'success')
    .orderBy('started_at', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.state ? { executionId: row.execution_id, state: row.state } : undefined
}

/** Replaces a state by `next`, unless it was changed or dropped meanwhile; whether it did. */
export async function replaceRunState({ db }: Session, from: RunState, next: string): Promise<boolean> {
  const row = await db
    .updateTable('etl_control')
    .set({ state: next })
    .where('execution_id', '=', from.executionId)
    .where('state', '=', sql<never>`${from.state}::jsonb`)
    .returning('status')
    .executeTakeFirst()
  return row !== undefined
}

/** The ids of the contacts whose conversations the runs of a pipeline leave out. */
export const forgottenQuery = (pipeline: string) =>
  builder
    .selectFrom('etl_forgotten')
    .select(sql<string>`contact_id::text`.as('contact_id'))
    .where('pipeline', '=', pipeline)
    .orderBy('etl_forgotten.contact_id')
    .compile()

/** A row that the target has rejected so far, and the run that tried it last; null for a repair. */
export interface RejectedRow {
  readonly key: string
  readonly executionId: string | null
  readonly sqlState: string
}

/** The rows that the target has rejected so far, in no order. */
export const rejectedRowsQuery = (pipeline: string): CompiledQuery<RejectedRow> =>
  builder
    .selectFrom('etl_rejects')
    .select([
      'row_key as key',
      sql<string | null>`execution_id::text`.as('executionId'),
      'sql_state as sqlState',
    ])
    .where('pipeline', '=', pipeline)
    .compile()
