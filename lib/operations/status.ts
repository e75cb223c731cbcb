import type { SyncReport } from '../domain/report.js'
import { listRuns } from '../postgres/control/run-list.js'
import type { DatabaseHandle } from '../postgres/driver/connect.js'
import { readTarget } from './read-target.js'

export interface StatusOptions {
  readonly target: DatabaseHandle
  /** The schema of the tables, as in the runs. (Default: as there.) */
  readonly schema?: string | undefined
  /** (Default: the runs of every pipeline.) */
  readonly pipeline?: string | undefined
  /** How many runs at most. (Default: 10, which fit on a screen.) */
  readonly limit?: number | undefined
}

/**
 * The last runs, newest first, each as the report that it returned or will return. A run that died remains `running` until the next run
 * closes it. Throws TARGET_NOT_MIGRATED, TARGET_UNREACHABLE, TARGET_AUTH_FAILED, TARGET_DATABASE_MISSING or TARGET_FORBIDDEN.
 *
 * @example
 * const [last] = await readStatus({ target: process.env.LOCAL_DATABASE_URL, limit: 1 })
 */
export async function readStatus({
  target,
  schema,
  pipeline,
  limit = 10,
}: StatusOptions): Promise<readonly SyncReport[]> {
  return readTarget({ target, schema }, 'status', (session) => listRuns(session, { pipeline, limit }))
}
