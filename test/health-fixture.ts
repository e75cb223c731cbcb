import type { TestDatabase } from './setup/database.js'

export interface Run {
  readonly status?: 'success' | 'failed' | 'running'
  readonly load?: 'full' | 'incremental'
  /** How long ago it began and ended. */
  readonly ago?: string
  readonly error?: string
  readonly warning?: string
  readonly margin?: number
}

/** Writes a run as it would stand in the control table. */
export async function insertRun(target: TestDatabase, run: Run): Promise<void> {
  const { status = 'success', load = 'incremental', ago = '1 hour', error, warning, margin } = run
  await target.query(
    `insert into etl_control (
       status, load_type, started_at, completed_at, watermark_end, error_code, error_message,
       warnings, margin_used_seconds
     )
     values (
       $1, $2, now() - $3::interval, case when $1 <> 'running' then now() - $3::interval end,
       case when $1 = 'success' then (now() - $3::interval) at time zone 'UTC' end, $4, $5, $6::jsonb, $7
     )`,
    [
      ...[status, load, ago],
      status === 'failed' ? (error ?? 'SOURCE_UNREACHABLE') : null,
      status === 'failed' ? 'The source did not answer.' : null,
      JSON.stringify(warning ? [{ code: warning, message: '' }] : []),
      margin ?? null,
    ],
  )
}

/** Rows that the target could not take, as they would stand among the rejects. */
export async function insertRejects(target: TestDatabase, keys: readonly string[]): Promise<void> {
  await target.query(
    `insert into etl_rejects (pipeline, row_key, sql_state, message)
     select 'conversations', key, '22001', 'value too long' from unnest($1::text[]) key`,
    [keys],
  )
}
