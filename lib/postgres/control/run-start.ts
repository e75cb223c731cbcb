import { sql, type CompiledQuery, type RawBuilder } from 'kysely'

import { SyncError } from '../../domain/errors.js'
import type { LoadType, TriggeredBy } from '../../domain/report.js'
import { targetPooled } from '../driver/driver-error.js'
import { lockSeed, ownFunction, ownRelation } from '../driver/search-path.js'
import type { Session } from '../driver/session.js'
import { builder, compile, controlName } from '../driver/statement.js'
import { previousRunsQuery, toPreviousRuns, type PreviousRuns } from './run-rows.js'
import { closing } from './runs.js'

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

/** Lets others run the pipeline again, before the connection ends. */
export async function releaseRunLock(target: Session, pipeline: string): Promise<void> {
  const release = (seed?: RawBuilder<unknown>) =>
    compile(sql`select pg_advisory_unlock(${lockKey(pipeline, seed)}) as released`)
  await target.together([release(), ...(target.schema === undefined ? [release(sql`0`)] : [])])
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

const lockKey = (pipeline: string, seed: RawBuilder<unknown> = lockSeed) =>
  sql`hashtextextended(${`chatwoot-sync run ${pipeline}`}::text, ${seed})`

/**
 * Where the options name no schema, an earlier release may be running over the same tables, whose lock does not know the schema; in `public`
 * both are the same lock.
 */
function takeLocks({ schema }: Session, pipeline: string): RawBuilder<boolean> {
  const own = sql<boolean>`pg_try_advisory_lock(${lockKey(pipeline)})`
  return schema === undefined ? sql`(${own} and pg_try_advisory_lock(${lockKey(pipeline, sql`0`)}))` : own
}

/** What the row of a run says from its beginning. */
export interface RunStart {
  readonly executionId: string
  readonly pipeline: string
  readonly loadType: LoadType
  readonly triggeredBy: TriggeredBy
  /** Milliseconds; 0 keeps the history for ever. */
  readonly keepHistory: number
}

/**
 * Inserts the running row, and returns the process id of the server's end and what earlier runs have left. Runs that died without closing
 * theirs are closed as INTERRUPTED: that this run holds the lock shows that none of them is alive. History that is older than `keepHistory`
 * and not needed any more is deleted, some rows at a time.
 */
export async function openRun(target: Session, start: RunStart): Promise<OpenedRun> {
  const { executionId, pipeline, loadType, triggeredBy, keepHistory } = start
  const interrupted = builder
    .updateTable('etl_control')
    .set({
      ...closing,
      status: 'failed',
      error_code: 'INTERRUPTED',
      error_message:
        'The run ended without closing its row: it was killed, or lost its connection. The next run continues from what it committed.',
    })
    .where('pipeline', '=', pipeline)
    .where('status', '=', 'running')
    .compile()
  const opened = builder
    .insertInto('etl_control')
    .values({ execution_id: executionId, pipeline, load_type: loadType, triggered_by: triggeredBy })
    .returning([sql<string>`pg_backend_pid()::text`.as('process'), hasIndexedWatermark.as('hasIndexed')])
    .compile()
  const trim = keepHistory === 0 ? [] : [trimHistory(pipeline, keepHistory)]
  const [, [opening], previous] = await target.together([
    interrupted,
    opened,
    previousRunsQuery(pipeline),
    ...trim,
  ])
  return {
    process: opening?.process,
    keepsIndexedWatermark: opening?.hasIndexed === true,
    previousRuns: toPreviousRuns(previous),
  }
}

const hasIndexedWatermark = sql<boolean>`exists (
  select 1
  from pg_attribute
  where attrelid = ${ownRelation(sql`'etl_control'::text`)}
    and attname = 'watermark_indexed'
    and not attisdropped
)`

/** What is known of a run once it has its row. */
export interface OpenedRun {
  /** Process id of the server's end. */
  readonly process: string | undefined
  /** `migrate` has added the column for the second watermark. */
  readonly keepsIndexedWatermark: boolean
  readonly previousRuns: PreviousRuns
}

/** Rows of each kind that one run deletes at most: a day's runs of every five minutes, so that a long history is deleted without a pause. */
const trimmedAtOnce = 300

/**
 * Deletes what is older than `keep` milliseconds and not needed any more; the function of the database knows what is needed. It is called
 * only where there is something to delete, as each session would compile it, and only once `migrate` has given it a path: an older one
 * looks for its tables on that of the session, which leaves out a schema where everybody may create.
 */
const trimHistory = (pipeline: string, keep: number): CompiledQuery =>
  compile(sql`
    select
      case
        when exists (
          select 1
          from ${controlName('etl_control')}
          where pipeline = ${pipeline}::text
            and started_at < now() - make_interval(secs => ${keep / 1000}::double precision)
        )
        and exists (
          select 1
          from ${ownFunction('etl_trim_history')}
          where p.proconfig is not null
        )
        then ${controlName('etl_trim_history')}(
          ${pipeline}::text,
          make_interval(secs => ${keep / 1000}::double precision),
          ${trimmedAtOnce}::integer
        )::text
      end as trimmed`)
