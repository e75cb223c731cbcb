import { sql } from 'kysely'

import type { Warning } from '../../domain/report.js'
import type { Session } from '../driver/session.js'

/** Adds warnings to the row of a run that has ended: of what came after it. */
export async function recordWarnings(
  { db }: Session,
  executionId: string,
  warnings: readonly Warning[],
): Promise<void> {
  await db
    .updateTable('etl_control')
    .set({ warnings: sql<string>`coalesce(warnings, '[]'::jsonb) || ${JSON.stringify(warnings)}::jsonb` })
    .where('execution_id', '=', executionId)
    .execute()
}
