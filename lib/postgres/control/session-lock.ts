import { sql } from 'kysely'

import { targetPooled } from '../driver/driver-error.js'
import { lockSeed } from '../driver/search-path.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'
import { isDirect } from './run-start.js'

/** Takes a lock for as long as the connection lives; false while another one holds it. Throws TARGET_POOLED, without having taken it, behind a pooler. */
export async function tryLock(target: Session, name: string): Promise<boolean> {
  const key = sql`hashtextextended(${name}::text, ${lockSeed})`
  const [row] = await target.rows(
    compile(sql<{ taken: boolean | null }>`
      select case when ${isDirect(target)} then pg_try_advisory_lock(${key}) end as taken`),
  )
  if (!row || row.taken === null) throw targetPooled()
  return row.taken
}
