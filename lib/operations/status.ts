import { sql } from 'kysely'

import type { SyncReport } from '../domain/report.js'
import { openSession, type DatabaseHandle } from '../postgres/driver/connect.js'
import { reportColumns, toReport } from '../postgres/control/run-row.js'
import { beginReading } from '../postgres/driver/transaction.js'
import { compile } from '../postgres/driver/statement.js'

export interface StatusOptions {
  readonly target: DatabaseHandle
  /** (Default: the runs of every pipeline.) */
  readonly pipeline?: string | undefined
  /** How many runs at most. (Default: 10, which fit a screen.) */
  readonly limit?: number | undefined
}

/**
 * The last runs, newest first, each as the report that it returned or will return. A run that died stands as `running` until the next
 * one closes it. Throws TARGET_NOT_MIGRATED, TARGET_UNREACHABLE, TARGET_AUTH_FAILED, TARGET_DATABASE_MISSING or TARGET_FORBIDDEN.
 *
 * @example const [last] = await readStatus({ target: process.env.LOCAL_DATABASE_URL, limit: 1 })
 */
export async function readStatus({ target, pipeline, limit = 10 }: StatusOptions): Promise<SyncReport[]> {
  const connection = { applicationName: 'chatwoot-sync status', connectTimeout: 10_000 }
  await using session = await openSession('target', target, connection)
  await session.script(beginReading({ statementTimeout: 60_000, lockTimeout: 60_000 }))
  const rows = await session.rows(
    compile(sql`
      select ${reportColumns}
      from etl_control
      where pipeline = ${pipeline ?? null}::text
         or ${pipeline ?? null}::text is null
      order by started_at desc, execution_id
      limit ${limit}::bigint`),
  )
  await session.script(['commit'])
  return rows.map(toReport)
}
