import { sql } from 'kysely'

import type { LoadType, SyncReport } from '../../domain/report.js'
import type { Session } from '../driver/session.js'
import { isRunLock } from './run-start.js'
import { reportColumns, toReport } from './run-rows.js'

/** Which runs, and how many; what is undefined leaves all of them. */
export interface RunFilter {
  readonly limit: number
  readonly pipeline?: string | undefined
  readonly status?: SyncReport['status'] | undefined
  readonly loadType?: LoadType | undefined
  /** Only runs before this one, by its execution id; none when there is no such run. */
  readonly before?: string | undefined
}

/** The reports of runs, newest first. */
export async function listRuns({ db }: Session, filter: RunFilter): Promise<readonly SyncReport[]> {
  const { limit, pipeline, status, loadType, before } = filter
  let query = db
    .selectFrom('etl_control')
    .select(reportColumns)
    .orderBy('etl_control.started_at', 'desc')
    .orderBy('etl_control.execution_id', 'desc')
    .limit(limit)
  if (pipeline !== undefined) query = query.where('pipeline', '=', pipeline)
  if (status !== undefined) query = query.where('status', '=', status)
  if (loadType !== undefined) query = query.where('load_type', '=', loadType)
  if (before !== undefined) {
    query = query.where(({ eb, refTuple, selectFrom }) =>
      eb(
        refTuple('etl_control.started_at', 'etl_control.execution_id'),
        '<',
        selectFrom('etl_control as page')
          .select(['page.started_at', 'page.execution_id'])
          .where('page.execution_id', '=', before)
          .$asTuple('started_at', 'execution_id'),
      ),
    )
  }
  return (await query.execute()).map(toReport)
}

/** The report of one run; undefined when the pipeline has no such run. */
export async function findRun(
  { db }: Session,
  pipeline: string,
  executionId: string,
): Promise<SyncReport | undefined> {
  const row = await db
    .selectFrom('etl_control')
    .select(reportColumns)
    .where('pipeline', '=', pipeline)
    .where('execution_id', '=', executionId)
    .executeTakeFirst()
  return row && toReport(row)
}

/** Whether a run of a pipeline is in progress, by its lock and by its row. */
export interface RunningRun {
  /** A run or a comparison holds the lock. */
  readonly isLocked: boolean
  /** When the newest run that has not closed its row began, as text; null when there is none. A run that died leaves such a row behind. */
  readonly startedAt: string | null
}

export async function readRunningRun({ db }: Session, pipeline: string): Promise<RunningRun> {
  return db
    .selectNoFrom(({ selectFrom }) => [
      sql<boolean>`exists (select 1 from pg_locks l where ${isRunLock(pipeline)})`.as('isLocked'),
      selectFrom('etl_control')
        .select(sql<string | null>`max(started_at)::text`.as('started_at'))
        .where('pipeline', '=', pipeline)
        .where('status', '=', 'running')
        .as('startedAt'),
    ])
    .executeTakeFirstOrThrow()
}
