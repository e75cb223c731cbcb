import type { LoadType, SyncReport } from '../domain/report.js'
import { findRun, listRuns } from '../postgres/control/run-list.js'
import { readStats, type Stats } from '../postgres/control/stats.js'
import type { DatabaseHandle } from '../postgres/driver/connect.js'
import { openReadingSession } from './reading-session.js'

export type { Stats } from '../postgres/control/stats.js'

/** Which runs, and how many. */
export interface RunQuery {
  /** Maximum number of runs; the server asks for 1 to 200. */
  readonly limit: number
  readonly status?: SyncReport['status'] | undefined
  readonly loadType?: LoadType | undefined
  /** Only runs older than this one: the `next` of the previous page. (Default: from the newest.) */
  readonly cursor?: string | undefined
}

/** One page of runs, newest first. */
export interface RunPage {
  readonly runs: readonly SyncReport[]
  /** Cursor of the next page; null on the last one. */
  readonly next: string | null
}

/** Reads the control tables of a pipeline, over one connection that is opened by the first call. */
export interface RunReader extends AsyncDisposable {
  readRuns(query: RunQuery): Promise<RunPage>
  /** Undefined when the pipeline has no run with this id, which must be a UUID. */
  readRun(executionId: string): Promise<SyncReport | undefined>
  readStats(): Promise<Stats>
}

/**
 * Returns the readers that `createServer` needs, over the target that the runs write to. (Defaults: `pipeline`
 * conversations, `schema` as in the runs.)
 *
 * They share one connection, which the first call opens and a call after it was lost opens again, and read in transactions that cannot
 * write, one after the other. A statement that takes more than 15 seconds is cancelled.
 *
 * The readers throw TARGET_UNREACHABLE, TARGET_AUTH_FAILED, TARGET_TIMED_OUT, TARGET_FORBIDDEN, TARGET_NOT_MIGRATED and the other errors of
 * the target. This function itself connects to nothing.
 *
 * @example
 * await using reader = openRunReader({ target: 'postgresql://analytics_sync@db.example/analytics' })
 * const { runs } = await reader.readRuns({ limit: 10, status: 'failed' })
 * const { freshnessSeconds } = await reader.readStats()
 */
export function openRunReader({
  target,
  schema,
  pipeline = 'conversations',
}: {
  readonly target: DatabaseHandle
  readonly schema?: string | undefined
  readonly pipeline?: string | undefined
}): RunReader {
  const session = openReadingSession(target, schema)
  return {
    readRuns: async ({ limit, status, loadType, cursor }) => {
      // One more than asked for shows whether there is another page.
      const filter = { limit: limit + 1, pipeline, status, loadType, before: cursor }
      return pageOf(await session.read((target) => listRuns(target, filter)), limit)
    },
    readRun: (executionId) => session.read((target) => findRun(target, pipeline, executionId)),
    readStats: () => session.read((target) => readStats(target, pipeline)),
    [Symbol.asyncDispose]: session.close,
  }
}

function pageOf(found: readonly SyncReport[], limit: number): RunPage {
  const runs = found.slice(0, limit)
  return { runs, next: found.length > limit ? (runs.at(-1)?.executionId ?? null) : null }
}
