import { sql } from 'kysely'

import { SyncError } from '../../domain/errors.js'
import { targetPooled } from '../driver/driver-error.js'
import { lockSeed } from '../driver/search-path.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'
import { isDirect } from './run-start.js'

/** The name of a lake: the pipeline under which it was registered, and its place. */
export interface LakeName {
  readonly pipeline: string
  readonly lake: string
}

/**
 * Makes this connection the only one that writes the lake, for as long as it lives. Throws LOCKED when another one holds the lock, and
 * TARGET_POOLED, without having taken it, behind a pooler. Runs have a lock of their own, and neither waits for the other.
 */
export async function takeLakeLock(target: Session, { pipeline, lake }: LakeName): Promise<void> {
  const key = sql`hashtextextended(${`chatwoot-sync lake ${pipeline} ${lake}`}::text, ${lockSeed})`
  const [row] = await target.rows(
    compile(sql<{ taken: boolean | null }>`
      select case when ${isDirect(target)} then pg_try_advisory_lock(${key}) end as taken`),
  )
  if (!row || row.taken === null) throw targetPooled()
  if (row.taken) return
  throw new SyncError('LOCKED', `Another process is writing the lake ${lake}.`, {
    remedy: 'Wait until it has ended.',
    details: { pipeline, lake },
  })
}
