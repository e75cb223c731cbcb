import { sql } from 'kysely'

import { isDirect, targetPooled } from '../../postgres/driver/pooler.js'
import type { Session } from '../../postgres/driver/session.js'
import { compile } from '../../postgres/driver/statement.js'
import { failed, ok, type Check } from './check.js'

/** Whether a pooler stands before the target, where a run would refuse to work. */
export async function checkPooler(target: Session): Promise<Check[]> {
  const name = 'target-pooler'
  const [row] = await target.rows(compile(sql`select ${isDirect(target)}::text as direct`))
  if (row?.[0] !== 'true') return [failed(name, targetPooled())]
  return [ok(name, 'No pooler stands before the target, as far as can be seen.')]
}
