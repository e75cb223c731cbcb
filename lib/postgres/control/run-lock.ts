import { sql, type RawBuilder } from 'kysely'

import { SyncError } from '../../domain/errors.js'
import { targetPooled } from '../driver/driver-error.js'
import { lockSeed } from '../driver/search-path.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'

/**
 * Makes this connection the only one that may run the pipeline, for as long as it lives: the lock and the writes end together. Returns
 * the process id of the server's end. Throws LOCKED when another run holds the lock, and TARGET_POOLED, without having taken it, behind a
 * pooler, as the lock belongs to the session.
 */
export async function takeRunLock(target: Session, pipeline: string): Promise<string> {
  const [row] = await target.rows(
    compile(sql<{ taken: boolean | null; process: string }>`
      select
        case when ${isDirect(target)} then ${takeLocks(target, pipeline)} end as taken,
        pg_backend_pid()::text as process`),
  )
  if (!row || row.taken === null) throw targetPooled()
  if (row.taken) return row.process
  throw new SyncError('LOCKED', `Another run of the pipeline ${pipeline} is running.`, {
    remedy: 'Wait until it has ended; chatwoot-sync status shows it.',
    details: { pipeline },
  })
}

/**
 * Ends the server's end of a connection that was lost, if it still holds the lock: a server may take hours to notice that its client is
 * gone. A role may end its own sessions.
 */
export async function endLostHolder(target: Session, pipeline: string, process: string): Promise<void> {
  await target.rows(
    compile(sql`
      select pg_terminate_backend(l.pid) as ended
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

/**
 * Whether the statement runs in the very server process that greeted the driver. A pooler greets with an id of its own, and may run each
 * transaction in another process: what belongs to a session, such as a lock, would stay behind there. True where the driver knows no id.
 */
export function isDirect({ process }: Pick<Session, 'process'>): RawBuilder<boolean> {
  return process === undefined ? sql`true` : sql`(pg_backend_pid() = ${process}::integer)`
}

/** Whether no pooler was noticed between this program and the target; `takeRunLock` throws TARGET_POOLED where one was. */
export async function isConnectedDirectly(target: Session): Promise<boolean> {
  const [row] = await target.rows(compile(sql<{ direct: boolean }>`select ${isDirect(target)} as direct`))
  return row?.direct === true
}

const lockKey = (pipeline: string, seed = lockSeed) =>
  sql`hashtextextended(${`chatwoot-sync run ${pipeline}`}::text, ${seed})`

/**
 * Where the options name no schema, an earlier release may be running over the same tables, whose lock does not know the schema; in `public`
 * both are the same lock.
 */
function takeLocks({ schema }: Session, pipeline: string): RawBuilder<boolean> {
  const own = sql<boolean>`pg_try_advisory_lock(${lockKey(pipeline)})`
  return schema === undefined ? sql`(${own} and pg_try_advisory_lock(${lockKey(pipeline, sql`0`)}))` : own
}
