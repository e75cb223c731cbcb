import type { TestDatabase } from './setup/database.js'

export interface Run {
  readonly status?: 'success' | 'failed' | 'running'
  readonly load?: 'full' | 'incremental'
  /** How long ago it began and ended. */
  readonly ago?: string
  readonly rejected?: number
  readonly error?: string
  readonly warning?: string
  readonly margin?: number
}

/** Writes a run as it would stand in the control table. */
export async function insertRun(target: TestDatabase, run: Run): Promise<void> {
  const {
    status = 'success',
    load = 'incremental',
    ago = '1 hour',
    rejected = 0,
    error,
    warning,
    margin,
  } = run
  await target.query(
    `insert into etl_control (
       status, load_type, started_at, completed_at, watermark_end, rows_extracted, rows_rejected, error_code, error_message,
       warnings, margin_used_seconds
     )
     values (
       $1, $2, now() - $3::interval, case when $1 <> 'running' then now() - $3::interval end,
       case when $1 = 'success' then (now() - $3::interval) at time zone 'UTC' end, $4, $4, $5, $6, $7::jsonb, $8
     )`,
    [
      ...[status, load, ago, rejected],
      status === 'failed' ? (error ?? 'SOURCE_UNREACHABLE') : null,
      status === 'failed' ? 'The source did not answer.' : null,
      JSON.stringify(warning ? [{ code: warning, message: '' }] : []),
      margin ?? null,
    ],
  )
}
