import { sql } from 'kysely'

import type { SyncReport } from '../../domain/report.js'
import type { Cells } from '../driver/session.js'

/** The columns of `etl_control` and `vw_etl_stats` of which a report is made, as one JSON text. */
export const reportColumns = sql<string>`
  jsonb_build_object(
    'executionId', execution_id,
    'pipeline', pipeline,
    'status', status,
    'loadType', load_type,
    'triggeredBy', triggered_by,
    'reason', reason,
    'startedAt', started_at::text,
    'completedAt', completed_at::text,
    'durationSeconds', duration_seconds,
    'watermarkStart', watermark_start::text,
    'watermarkEnd', watermark_end::text,
    'rowsExtracted', rows_extracted,
    'rowsInserted', rows_inserted,
    'rowsUpdated', rows_updated,
    'rowsUnchanged', rows_unchanged,
    'rowsDeleted', rows_deleted,
    'rowsRejected', rows_rejected,
    'phases', phases,
    'warnings', warnings,
    'horizonMode', horizon_mode,
    'marginUsedSeconds', margin_used_seconds,
    'errorCode', error_code,
    'errorMessage', error_message
  )::text`.as('report')

/** The report of a row that was selected by `reportColumns`. */
export function toReport(row: Cells): SyncReport {
  const stored: Omit<SyncReport, 'dryRun'> = JSON.parse(row[0] ?? '{}')
  return { ...stored, dryRun: false }
}
