import { sql, type CompiledQuery } from 'kysely'

import type { Refusal } from '../target/row-errors.js'
import type { Cells, Session } from '../driver/session.js'
import { compile, target as db } from '../driver/statement.js'

/** A row that the target refused. */
export interface Reject extends Refusal {
  readonly key: string
  /** The row by its columns, to be kept; null to keep none. */
  readonly data: Readonly<Record<string, string | null>> | null
}

/** Whose rejects: of which pipeline, and of which run; null for a repair, which is none. */
export interface RejectScope {
  readonly pipeline: string
  readonly executionId: string | null
}

/** A row that stands in `etl_rejects`, and the run that tried it last. */
export interface RejectedRow {
  readonly key: string
  readonly executionId: string | null
}

/** The rows that runs had to leave out so far, in no order. */
export const rejectedRowsQuery = (pipeline: string): CompiledQuery =>
  db
    .selectFrom('etl_rejects')
    .select(['row_key', sql<string>`execution_id::text`.as('execution_id')])
    .where('pipeline', '=', pipeline)
    .compile()

/** What `rejectedRowsQuery` gives. */
export const toRejectedRows = (rows: readonly Cells[]): RejectedRow[] =>
  rows.map(([key, executionId]) => ({ key: key ?? '', executionId: executionId ?? null }))

/** Notes refused rows, in the transaction that is open. A run that meets a row twice counts as one attempt; a repair keeps no content. */
export async function recordRejects(
  target: Session,
  scope: RejectScope,
  rejects: readonly Reject[],
): Promise<void> {
  // A row that is kept can be large, so that each of them travels by itself.
  const [kept, plain] = [true, false].map((isKept) =>
    rejects.filter(({ data }) => (data !== null) === isKept),
  )
  if (plain && plain.length > 0) await target.rows(upsertRejects(scope, plain))
  for (const reject of kept ?? []) await target.rows(upsertRejects(scope, [reject]))
}

function upsertRejects({ pipeline, executionId }: RejectScope, rejects: readonly Reject[]): CompiledQuery {
  return compile(sql`
    insert into etl_rejects as known (
      pipeline,
      row_key,
      execution_id,
      column_name,
      sql_state,
      message,
      row_data
    )
    select
      ${pipeline}::text,
      entry ->> 'key',
      ${executionId}::uuid,
      entry ->> 'column',
      entry ->> 'sqlState',
      entry ->> 'message',
      nullif(entry -> 'data', 'null'::jsonb)
    from jsonb_array_elements(${JSON.stringify(rejects)}::jsonb) entry
    on conflict (pipeline, row_key) do update set
      execution_id = excluded.execution_id,
      last_rejected_at = now(),
      attempts = known.attempts + (
        excluded.execution_id is null
        or known.execution_id is distinct from excluded.execution_id
      )::integer,
      column_name = excluded.column_name,
      sql_state = excluded.sql_state,
      message = excluded.message,
      row_data = case
        when excluded.execution_id is null then known.row_data
        else excluded.row_data
      end`)
}

/** Drops the entries of these rows, which are not refused any more. */
export async function dropRejects(target: Session, pipeline: string, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return
  await target.rows(
    compile(sql`
    delete from etl_rejects
    where pipeline = ${pipeline}::text
      and row_key in (select json_array_elements_text(${JSON.stringify(keys)}::json))`),
  )
}

/** Drops what this run, which tried all of them, did not refuse again: the row has passed, or the source no longer has it. */
export async function dropPassed(target: Session, { pipeline, executionId }: RejectScope): Promise<void> {
  await target.rows(
    db
      .deleteFrom('etl_rejects')
      .where('pipeline', '=', pipeline)
      .where(sql<boolean>`execution_id is distinct from ${executionId}::uuid`)
      .compile(),
  )
}
