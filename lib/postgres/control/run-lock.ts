import { sql, type RawBuilder } from 'kysely'

import { SyncError } from '../../domain/errors.js'
import { isDirect, targetPooled } from '../driver/pooler.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'

/**
 * Makes this connection the only one that may run the pipeline, for as long as it lives: the lock and the writes go away together. Gives
 * the process id of the server's end. Throws LOCKED when another run has it, and TARGET_POOLED, without having taken it, where a pooler
 * stands between, as the lock belongs to the session.
 */
export async function takeRunLock(target: Session, pipeline: string): Promise<string> {
  const [row] = await target.rows(
    compile(sql`
      select
        case when ${isDirect(target)} then pg_try_advisory_lock(${lockKey(pipeline)})::text end as taken,
        pg_backend_pid()::text as process`),
  )
  const [isTaken, process] = row ?? []
  if (isTaken === null) throw targetPooled()
  if (isTaken === 'true' && process) return process
  throw new SyncError('LOCKED', `Another run of the pipeline ${pipeline} is at work.`, {
    remedy: 'Wait until it is done; chatwoot-sync status shows it.',
    details: { pipeline },
  })
}

/**
 * Ends the server's end of a connection that was lost, if it still holds the lock: a server does not notice for hours that nobody is
 * there any more. A role may end its own sessions.
 */
export async function endLostHolder(target: Session, pipeline: string, process: string): Promise<void> {
  await target.rows(
    compile(sql`
      select pg_terminate_backend(l.pid)::text
      from pg_locks l
      where l.pid = ${process}::integer
        and l.pid <> pg_backend_pid()
        and ${isRunLock(pipeline)}`),
  )
}

/** Whether the row `l` of `pg_locks`, which shows the halves of the key, is the lock of a run of the pipeline. */
export function isRunLock(pipeline: string): RawBuilder<boolean> {
  return sql`(
    l.locktype = 'advisory'
    and l.database = (select oid from pg_database where datname = current_database())
    and l.objsubid = 1
    and l.granted
    and (l.classid::bigint << 32) | l.objid::bigint = ${lockKey(pipeline)}
  )`
}

const lockKey = (pipeline: string) => sql`hashtextextended(${`chatwoot-sync run ${pipeline}`}::text, 0)`
