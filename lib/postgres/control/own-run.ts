import { sql } from 'kysely'

import type { SyncReport } from '../../domain/report.js'
import { reportColumns, toReport } from './run-row.js'
import type { Inheritance } from './runs.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'

/** What stands in the row of a run: only what was committed. */
export interface OwnRun {
  readonly report: SyncReport
  /** Where a full read had come to. */
  readonly unfinished: Inheritance['unfinished']
}

/** Undefined where the row was never committed. */
export async function readOwnRun(target: Session, executionId: string): Promise<OwnRun | undefined> {
  const [row] = await target.rows(
    compile(sql`
      select
        ${reportColumns},
        fingerprint,
        resume_key,
        state::text
      from etl_control
      where execution_id = ${executionId}::uuid`),
  )
  if (!row) return undefined
  const [, fingerprint, resumeKey, state] = row
  const unfinished =
    fingerprint && resumeKey && state ? { executionId, fingerprint, resumeKey, state } : undefined
  return { report: toReport(row), unfinished }
}
