import { sql } from 'kysely'

import type { LoadType, SyncReport } from '../domain/report.js'
import type { VerifyReport } from '../domain/verification.js'
import type { DatabaseHandle } from '../postgres/driver/connect.js'
import { reportColumns, toReport } from '../postgres/control/run-row.js'
import type { Cells } from '../postgres/driver/session.js'
import { compile } from '../postgres/driver/statement.js'
import { openReadingSession } from './reading-session.js'
import { statsQuery } from '../postgres/control/stats.js'

/** Which runs, and how many. */
export interface RunQuery {
  readonly limit: number
  readonly status?: SyncReport['status'] | undefined
  readonly loadType?: LoadType | undefined
  /** Only those before this one: the `next` of the page before. */
  readonly cursor?: string | undefined
}

/** Runs, newest first. */
export interface RunPage {
  readonly runs: readonly SyncReport[]
  /** Cursor of the page after this one; null when this was the last. */
  readonly next: string | null
}

/** Runs of one kind that ended in the same way, since the control table exists. */
export interface RunTotal {
  readonly loadType: LoadType
  readonly status: SyncReport['status']
  readonly runs: number
  readonly seconds: number
}

/** Rows of all runs by outcome, since the control table exists. */
export interface RowTotals {
  readonly inserted: number
  readonly updated: number
  readonly unchanged: number
  readonly rejected: number
  readonly deleted: number
}

/** How a pipeline stands. Ages are seconds by the clock of the target; null where there was no good run, or no comparison, yet. */
export interface Stats {
  readonly pipeline: string
  /** Time of the target as of which all of this holds. */
  readonly time: string
  /** Whether a run or a comparison holds the lock: a row that is `running` without it was left behind by a run that died. */
  readonly isLocked: boolean
  readonly running: SyncReport | null
  readonly lastRun: SyncReport | null
  readonly lastSuccess: SyncReport | null
  /** Since the last good run ended. */
  readonly freshnessSeconds: number | null
  /** Since the time of the source that the target equals. */
  readonly lagSeconds: number | null
  readonly runTotals: readonly RunTotal[]
  readonly rowTotals: RowTotals
  /** Failed runs since the last good one, but for those that were stopped on purpose. */
  readonly failuresInRow: number
  /** Rows that the target cannot take now, by reason, the most frequent one first. */
  readonly rejections: readonly {
    sqlState: string
    /** Column of the target, where the server said so. */
    column: string | null
    /** In words, without the value. */
    message: string
    rows: number
    lastRejectedAt: string
  }[]
  readonly lastVerification: VerifyReport | null
}

/** Reads what the control tables of a pipeline tell, over one connection that is opened by the first question. */
export interface RunReader extends AsyncDisposable {
  readRuns(query: RunQuery): Promise<RunPage>
  readRun(executionId: string): Promise<SyncReport | undefined>
  readStats(): Promise<Stats>
}

/**
 * The readers that `createServer` needs, over the target that the runs write to. (Default of `pipeline`: conversations.)
 * They throw TARGET_NOT_MIGRATED, TARGET_UNREACHABLE and their kin; a connection that was lost is opened again by the next question.
 */
export function openRunReader({
  target,
  pipeline = 'conversations',
}: {
  readonly target: DatabaseHandle
  readonly pipeline?: string | undefined
}): RunReader {
  const session = openReadingSession(target)
  return {
    readRuns: async (query) => pageOf(await session.rows(runsQuery(pipeline, query)), query.limit),
    readRun: async (executionId) => {
      const [row] = await session.rows(runQuery(pipeline, executionId))
      return row && toReport(row)
    },
    readStats: async () => toStats(await session.rows(statsQuery(pipeline))),
    [Symbol.asyncDispose]: session.close,
  }
}

/** One more than asked for shows whether there is another page. */
const runsQuery = (pipeline: string, { limit, status, loadType, cursor }: RunQuery) =>
  compile(sql`
    select ${reportColumns}
    from etl_control
    where pipeline = ${pipeline}::text
      and (${status ?? null}::text is null or status = ${status ?? null}::text)
      and (${loadType ?? null}::text is null or load_type = ${loadType ?? null}::text)
      and (
        ${cursor ?? null}::uuid is null
        or (started_at, execution_id) < (
          select
            c.started_at,
            c.execution_id
          from etl_control c
          where c.execution_id = ${cursor ?? null}::uuid
        )
      )
    order by
      started_at desc,
      execution_id desc
    limit ${limit + 1}::bigint`)

const runQuery = (pipeline: string, executionId: string) =>
  compile(sql`
    select ${reportColumns}
    from etl_control
    where pipeline = ${pipeline}::text
      and execution_id = ${executionId}::uuid`)

function pageOf(rows: readonly Cells[], limit: number): RunPage {
  const runs = rows.slice(0, limit).map(toReport)
  return { runs, next: rows.length > limit ? (runs.at(-1)?.executionId ?? null) : null }
}

function toStats([row]: readonly Cells[]): Stats {
  const [facts, ...reports] = row ?? []
  const [running = null, lastRun = null, lastSuccess = null] = reports.map((report) =>
    report === null ? null : toReport([report]),
  )
  const stored: Omit<Stats, 'running' | 'lastRun' | 'lastSuccess'> = JSON.parse(facts ?? '{}')
  return { ...stored, running, lastRun, lastSuccess }
}
