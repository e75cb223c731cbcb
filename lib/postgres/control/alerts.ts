import { sql } from 'kysely'

import { targetPooled } from '../driver/driver-error.js'
import { lockSeed } from '../driver/search-path.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'
import { isDirect } from './run-start.js'

/** Something that is wrong with a pipeline now. */
export interface Problem {
  /** One incident of a kind is open at a time. */
  readonly kind: string
  readonly severity: 'warning' | 'critical'
  readonly message: string
}

/** A problem from its begin to its end, and which channels were sent a message about either. */
export interface Incident extends Problem {
  readonly alertId: string
  /** UTC, to the second. */
  readonly openedAt: string
  readonly closedAt: string | null
  /** Names of the channels that accepted the message about the start. */
  readonly openedSentTo: readonly string[]
  readonly closedSentTo: readonly string[]
}

/**
 * Waits until no other process sends alerts of this pipeline, so that none is sent twice; held until the connection ends. Throws
 * TARGET_POOLED behind a pooler, where the lock would outlive this process.
 */
export async function lockAlerts(target: Session, pipeline: string): Promise<void> {
  // The lock of a session outlives the transaction, which is here for the timeout alone.
  await target.script(['begin', `set local statement_timeout = ${lockTimeout}`])
  const [row] = await target.rows(
    compile(sql<{ taken: string | null }>`
      select
        case
          when ${isDirect(target)}
          then pg_advisory_lock(hashtextextended(${`chatwoot-sync alerts ${pipeline}`}::text, ${lockSeed}))::text
        end as taken`),
  )
  await target.script(['commit'])
  if (row?.taken === null) throw targetPooled()
}

/** Milliseconds; another process may be waiting for three servers that do not respond. */
const lockTimeout = 120_000

/** Opens an incident for each problem that has none open, and closes those whose problem is over. */
export async function updateIncidents(
  { db }: Session,
  pipeline: string,
  problems: readonly Problem[],
): Promise<void> {
  if (problems.length > 0) {
    await db
      .insertInto('etl_alerts')
      .values(problems.map(({ kind, severity, message }) => ({ pipeline, kind, severity, message })))
      .onConflict((conflict) =>
        conflict.columns(['pipeline', 'kind']).where('closed_at', 'is', null).doNothing(),
      )
      .execute()
  }
  const kinds = problems.map(({ kind }) => kind)
  await db
    .updateTable('etl_alerts')
    .set({ closed_at: sql<string>`clock_timestamp()` })
    .where('pipeline', '=', pipeline)
    .where('closed_at', 'is', null)
    .$if(kinds.length > 0, (open) => open.where('kind', 'not in', kinds))
    .execute()
}

/** The open incidents, and those closed within the last week, oldest first. */
export async function readIncidents({ db }: Session, pipeline: string): Promise<readonly Incident[]> {
  const rows = await db
    .selectFrom('etl_alerts')
    .select([
      sql<string>`alert_id::text`.as('alertId'),
      'kind',
      'message',
      // The table checks which words it may be.
      sql<Problem['severity']>`severity`.as('severity'),
      utc<string>('opened_at').as('openedAt'),
      utc<string | null>('closed_at').as('closedAt'),
      sql<string>`opened_told::text`.as('opened'),
      sql<string>`closed_told::text`.as('closed'),
    ])
    .where('pipeline', '=', pipeline)
    .where(({ or, eb }) =>
      or([eb('closed_at', 'is', null), eb('closed_at', '>', sql<string>`now() - interval '7 days'`)]),
    )
    .orderBy('opened_at')
    .orderBy('alert_id')
    .execute()
  return rows.map(({ opened, closed, ...incident }) => ({
    ...incident,
    openedSentTo: Object.keys(JSON.parse(opened) as object),
    closedSentTo: Object.keys(JSON.parse(closed) as object),
  }))
}

const utc = <Text>(column: 'opened_at' | 'closed_at') =>
  sql<Text>`to_char(${sql.ref(column)} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')`

/** Records that a channel accepted the message about the start or the end of an incident. */
export async function recordDelivery(
  { db }: Session,
  alertId: string,
  event: 'opened' | 'closed',
  channel: string,
): Promise<void> {
  const column = `${event}_told` as const
  const times = sql<string>`${sql.ref(column)} || jsonb_build_object(${channel}::text, clock_timestamp())`
  await db
    .updateTable('etl_alerts')
    .set(column, times)
    .set('last_refusal', null)
    .where('alert_id', '=', alertId)
    .execute()
}

/** Records why a channel did not accept a message. */
export async function recordFailedDelivery({ db }: Session, alertId: string, reason: string): Promise<void> {
  await db.updateTable('etl_alerts').set({ last_refusal: reason }).where('alert_id', '=', alertId).execute()
}
