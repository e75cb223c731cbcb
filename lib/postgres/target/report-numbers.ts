import { sql, type CompiledQuery, type RawBuilder } from 'kysely'

import type {
  BotReport,
  CsatReport,
  LiveReport,
  OrphanEvents,
  ReportCards,
  ReportGroup,
  ReportRow,
  SlaReport,
} from '../../domain/chatwoot-report.js'
import { ownFunction } from '../driver/search-path.js'
import type { Session } from '../driver/session.js'
import { compile, controlName } from '../driver/statement.js'

/** What the functions of the target are asked for; times with an offset. */
export interface ReportRange {
  readonly account: number
  readonly since: string
  readonly until: string
}

/** One object as JSON text, as a number in it would lose digits elsewhere. */
interface JsonRow {
  readonly row: string
}

/** A query whose rows are objects, and how they are read. */
export interface ReportQuery<Row> {
  readonly query: CompiledQuery<JsonRow>
  readonly read: (rows: readonly JsonRow[]) => readonly Row[]
}

/** A query whose rows are sent as JSON, so that they keep names and types. */
export function reportQuery<Row>(text: RawBuilder<unknown>): ReportQuery<Row> {
  return {
    query: compile(sql<JsonRow>`select to_json(r)::text as row from (${text}) r`),
    read: (rows) => rows.map(({ row }) => JSON.parse(row) as Row),
  }
}

const rangeOf = ({ account, since, until }: ReportRange) =>
  sql`${account}::integer, ${since}::timestamptz, ${until}::timestamptz`

/** Whether `migrate` has created the functions that the queries here call. */
export async function hasReports(target: Session): Promise<boolean> {
  const rows = await target.rows(compile(sql`select 1 from ${ownFunction('chatwoot_sla_report')}`))
  return rows.length > 0
}

/** The accounts that the table has conversations of. */
export const accountsQuery = reportQuery<{ readonly id: number; readonly name: string | null }>(sql`
  select
    c.account_id as id,
    max(c.account_name) as name
  from ${controlName('conversas_analytics')} c
  where c.deleted_at is null
    and c.account_id is not null
  group by c.account_id
  order by c.account_id`)

/** The zone that was asked for, or that of the account; null for one that the server does not know. */
export const zoneQuery = (account: number, zone: string | undefined) =>
  reportQuery<{ readonly zone: string | null }>(sql`
    select
      case
        when ${zone ?? null}::text is null then ${controlName('chatwoot_zone')}(${account}::integer)
        else (
          select n.name
          from pg_timezone_names n
          where n.name = ${zone ?? null}::text
          limit 1
        )
      end as zone`)

/** Times with an offset. */
export interface Instants {
  readonly since: string
  readonly until: string
  /** When the range before begins, which is as long. */
  readonly before: string
  /** A second after the end. */
  readonly later: string
  readonly isEmpty: boolean
  /** Local times of the zone, without it. */
  readonly localSince: string
  readonly localUntil: string
}

/** The start and the end of a range, which are texts of local times or of times with an offset. */
export const instantsQuery = (since: string, until: string, zone: string) => {
  const instant = (text: string) =>
    /(Z|[+-]\d\d(:?\d\d)?)$/i.test(text.slice(10))
      ? sql`${text}::timestamptz`
      : sql`${text}::timestamp at time zone ${zone}::text`
  return reportQuery<Instants>(sql`
    select
      t.since::text as since,
      t.until::text as until,
      (t.since - (t.until - t.since))::text as before,
      (t.until + interval '1 second')::text as later,
      t.until <= t.since as "isEmpty",
      (t.since at time zone ${zone}::text)::text as "localSince",
      (t.until at time zone ${zone}::text)::text as "localUntil"
    from (
      select
        ${instant(since)} as since,
        ${instant(until)} as until
    ) t`)
}

export const cardsQuery = (range: ReportRange, businessHours: boolean) =>
  reportQuery<ReportCards>(sql`
    select
      conversations_count as "conversationsCount",
      incoming_messages_count as "incomingMessagesCount",
      outgoing_messages_count as "outgoingMessagesCount",
      avg_first_response_time as "avgFirstResponseTime",
      avg_resolution_time as "avgResolutionTime",
      resolutions_count as "resolutionsCount",
      reply_time as "replyTime",
      bot_resolutions_count as "botResolutionsCount",
      bot_handoffs_count as "botHandoffsCount"
    from ${controlName('chatwoot_report')}(${rangeOf(range)}, business_hours => ${businessHours}::boolean)`)

/** The rows of a table; none without a group. */
export const rowsQuery = (range: ReportRange, by: ReportGroup | undefined, businessHours: boolean) => {
  const numbers = sql`
    conversations_count as "conversationsCount",
    resolved_conversations_count as "resolvedConversationsCount",
    avg_first_response_time as "avgFirstResponseTime",
    avg_resolution_time as "avgResolutionTime",
    avg_reply_time as "avgReplyTime"`
  if (by === 'label')
    return reportQuery<ReportRow>(sql`
      select
        null as id,
        label as name,
        ${numbers}
      from ${controlName('chatwoot_label_summary')}(${rangeOf(range)}, ${businessHours}::boolean)`)
  return reportQuery<ReportRow>(sql`
    select
      id,
      name,
      ${numbers}
    from ${controlName('chatwoot_summary')}(${rangeOf(range)}, ${by ?? 'agent'}::text, ${businessHours}::boolean)
    where ${by !== undefined}::boolean`)
}

export const botQuery = (range: ReportRange) =>
  reportQuery<BotReport>(sql`
    select
      conversation_count as "conversationCount",
      message_count as "messageCount",
      resolution_rate as "resolutionRate",
      handoff_rate as "handoffRate"
    from ${controlName('chatwoot_bot_report')}(${rangeOf(range)})`)

export const csatQuery = (range: ReportRange) =>
  reportQuery<CsatReport>(sql`
    select
      responses_count as "responsesCount",
      surveys_sent_count as "surveysSentCount",
      satisfaction_score as "satisfactionScore",
      response_rate as "responseRate"
    from ${controlName('chatwoot_csat_report')}(${rangeOf(range)})`)

export const slaQuery = (range: ReportRange) =>
  reportQuery<SlaReport>(sql`
    select
      applied_count as "appliedCount",
      missed_count as "missedCount",
      hit_rate as "hitRate"
    from ${controlName('chatwoot_sla_report')}(${rangeOf(range)})`)

export const liveQuery = (account: number) =>
  reportQuery<LiveReport>(sql`
    select
      coalesce(sum(open_count), 0)::integer as "openCount",
      coalesce(sum(unattended_count), 0)::integer as "unattendedCount",
      coalesce(sum(unassigned_count), 0)::integer as "unassignedCount",
      coalesce(sum(pending_count), 0)::integer as "pendingCount"
    from ${controlName('chatwoot_live')}(${account}::integer)`)

/** The events of a range, by name, agent and inbox. */
export const eventTotalsQuery = ({ account, since, until }: ReportRange) =>
  reportQuery<OrphanEvents>(sql`
    select
      e.name,
      e.user_id as agent,
      e.inbox_id as inbox,
      count(*) as count,
      coalesce(sum(e.value), 0) as seconds,
      coalesce(sum(e.value_in_business_hours), 0) as "businessSeconds"
    from ${controlName('conversas_analytics')} c
    cross join lateral jsonb_to_recordset(c.reporting_events) e (
      name text,
      value double precision,
      value_in_business_hours double precision,
      created_at timestamp,
      user_id integer,
      inbox_id integer
    )
    where c.account_id = ${account}::integer
      and c.deleted_at is null
      and e.created_at >= ${since}::timestamptz at time zone 'UTC'
      and e.created_at < ${until}::timestamptz at time zone 'UTC'
    group by e.name, e.user_id, e.inbox_id`)

/** The zone of each account, and whether all of its conversations are dated in UTC. */
export const accountZonesQuery = reportQuery<{
  readonly id: number
  readonly zone: string
  readonly isInUtc: boolean
}>(sql`
  select
    a.id,
    ${controlName('chatwoot_zone')}(a.id) as zone,
    a.is_in_utc as "isInUtc"
  from (
    select
      c.account_id as id,
      coalesce(bool_and(c.calendar_timezone = 'UTC'), false) as is_in_utc
    from ${controlName('conversas_analytics')} c
    where c.deleted_at is null
      and c.account_id is not null
    group by c.account_id
  ) a
  order by a.id`)
