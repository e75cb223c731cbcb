import { sql } from 'kysely'

import { isDirect, targetPooled } from '../driver/pooler.js'
import type { Session } from '../driver/session.js'
import { compile, target as db } from '../driver/statement.js'

/** What was found wrong, as `etl_alerts` keeps it. */
export interface Finding {
  readonly kind: string
  readonly severity: 'warning' | 'critical'
  readonly message: string
}

/** An incident of which somebody has yet to be told. */
export interface Incident extends Finding {
  readonly alertId: string
  /** UTC, to the second. */
  readonly openedAt: string
  readonly closedAt: string | null
  /** Names of the channels that took the message of its begin. */
  readonly openedTold: readonly string[]
  readonly closedTold: readonly string[]
}

/**
 * Waits until no other process tells people of this pipeline, so that nobody is told twice; held as long as the connection lives. Throws
 * TARGET_POOLED where a pooler stands between, as the lock would outlive this process there.
 */
export async function lockAlerts(target: Session, pipeline: string): Promise<void> {
  // A session's lock outlives the transaction, which is here for the time limit alone.
  await target.script(['begin', `set local statement_timeout = ${patience}`])
  const [row] = await target.rows(
    compile(sql`
      select
        case
          when ${isDirect(target)}
          then pg_advisory_lock(hashtextextended(${`chatwoot-sync alerts ${pipeline}`}::text, 0))::text
        end as taken`),
  )
  await target.script(['commit'])
  if (row?.[0] === null) throw targetPooled()
}

/** Milliseconds; another process may be waiting for three servers that do not answer. */
const patience = 120_000

/** Opens an incident for each finding of which none is open, and closes those of which nothing is found any more. */
export async function recordFindings(
  target: Session,
  pipeline: string,
  findings: readonly Finding[],
): Promise<void> {
  for (const { kind, severity, message } of findings) {
    await target.rows(
      db
        .insertInto('etl_alerts')
        .values({ pipeline, kind, severity, message })
        .onConflict((conflict) =>
          conflict.columns(['pipeline', 'kind']).where('closed_at', 'is', null).doNothing(),
        )
        .compile(),
    )
  }
  const kinds = findings.map(({ kind }) => kind)
  await target.rows(
    compile(sql`
      update etl_alerts
      set closed_at = clock_timestamp()
      where pipeline = ${pipeline}::text
        and closed_at is null
        and kind <> all (array(select jsonb_array_elements_text(${JSON.stringify(kinds)}::jsonb)))`),
  )
}

/** The open incidents, and those closed within the last week, oldest first. */
export async function readIncidents(target: Session, pipeline: string): Promise<readonly Incident[]> {
  const rows = await target.rows(
    compile(sql`
      select jsonb_build_object(
        'alertId', alert_id,
        'kind', kind,
        'severity', severity,
        'message', message,
        'openedAt', ${utc('opened_at')},
        'closedAt', ${utc('closed_at')},
        'openedTold', array(select jsonb_object_keys(opened_told)),
        'closedTold', array(select jsonb_object_keys(closed_told))
      )::text as incident
      from etl_alerts
      where pipeline = ${pipeline}::text
        and (closed_at is null or closed_at > now() - interval '7 days')
      order by opened_at, alert_id`),
  )
  return rows.map(([json]) => {
    const incident: Incident = JSON.parse(json ?? '{}')
    return incident
  })
}

/** Notes that a channel took the message of the begin or of the end. */
export async function recordTold(
  target: Session,
  alertId: string,
  event: 'opened' | 'closed',
  channel: string,
): Promise<void> {
  const column = sql.ref(`${event}_told`)
  await target.rows(
    compile(sql`
      update etl_alerts
      set ${column} = ${column} || jsonb_build_object(${channel}::text, clock_timestamp()),
          last_refusal = null
      where alert_id = ${alertId}::uuid`),
  )
}

/** Notes why a channel did not take a message; the next call tries again. */
export async function recordRefusal(target: Session, alertId: string, reason: string): Promise<void> {
  await target.rows(
    db.updateTable('etl_alerts').set({ last_refusal: reason }).where('alert_id', '=', alertId).compile(),
  )
}

const utc = (column: string) => sql`to_char(${sql.ref(column)} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')`
