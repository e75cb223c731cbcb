import { sql } from 'kysely'

import { SyncError } from '../domain/errors.js'
import type { Session } from './session.js'
import { compile } from './statement.js'

/**
 * Makes this connection the only one that may run the pipeline, for as long as it lives: the lock and the writes go away together.
 * Throws LOCKED when another run has it. A pooler in transaction mode must not stand between, as the lock belongs to the session.
 */
export async function takeRunLock(target: Session, pipeline: string): Promise<void> {
  const [row] = await target.rows(
    compile(
      sql`select pg_try_advisory_lock(hashtextextended(${`chatwoot-sync run ${pipeline}`}::text, 0))::text`,
    ),
  )
  if (row?.[0] === 'true') return
  throw new SyncError('LOCKED', `Another run of the pipeline ${pipeline} is at work.`, {
    remedy: 'Wait until it is done; chatwoot-sync status shows it.',
    details: { pipeline },
  })
}
