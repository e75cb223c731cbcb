import { listRejects, type Rejects } from '../postgres/control/reject-list.js'
import type { DatabaseHandle } from '../postgres/driver/connect.js'
import { readTarget } from './read-target.js'

export type { RejectedRow, RejectReason, Rejects } from '../postgres/control/reject-list.js'

export interface RejectsOptions {
  /** The database of the analytics table; SELECT rights on `etl_rejects` and `vw_etl_reject_reasons` are enough. */
  readonly target: DatabaseHandle
  /** The schema of the tables, as in the runs. (Default: as there.) */
  readonly schema?: string | undefined
  /** (Default: the rows of every pipeline.) */
  readonly pipeline?: string | undefined
  /** How many rows at most; the reasons are all of them. (Default: 20, which fit on a screen.) */
  readonly limit?: number | undefined
}

/**
 * The rows that the target rejects now: every reason with its count, and the newest rows, as of one time. The content of a row is never
 * returned, even where `keepRejected` keeps it. Throws TARGET_NOT_MIGRATED, TARGET_UNREACHABLE, TARGET_AUTH_FAILED,
 * TARGET_DATABASE_MISSING or TARGET_FORBIDDEN.
 *
 * @example
 * const { reasons } = await readRejects({ target: process.env.LOCAL_DATABASE_URL })
 * for (const { column, message, rows } of reasons) console.log(rows, column, message)
 */
export async function readRejects({
  target,
  schema,
  pipeline,
  limit = 20,
}: RejectsOptions): Promise<Rejects> {
  return readTarget({ target, schema }, 'rejects', (session) => listRejects(session, { pipeline, limit }))
}
