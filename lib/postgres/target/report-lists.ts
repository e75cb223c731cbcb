import { sql } from 'kysely'

import { controlName } from '../driver/statement.js'
import { reportQuery, type ReportRange } from './report-numbers.js'

/** What is counted by the hour, of one inbox or of all. */
export interface Traffic {
  readonly account: number
  readonly inbox: number | undefined
  readonly metric: 'conversations_count' | 'resolutions_count'
  /** Local times of the zone; the last hour begins before `until`. */
  readonly since: string
  readonly until: string
  readonly zone: string
}

/** A number for each hour, named by its local time. */
export const trafficQuery = ({ account, inbox, metric, since, until, zone }: Traffic) =>
  reportQuery<{ readonly name: string; readonly value: number | null }>(sql`
    select
      to_char(s.bucket, 'YYYY-MM-DD HH24:MI') as name,
      s.value as value
    from ${controlName('chatwoot_series')}(
      ${account}::integer,
      ${metric}::text,
      ${since}::timestamp at time zone ${zone}::text,
      ${until}::timestamp at time zone ${zone}::text,
      'hour',
      ${zone}::text,
      scope => ${inbox === undefined ? 'account' : 'inbox'}::text,
      id => ${inbox ?? null}::integer
    ) s`)

/** The answers to surveys, named by conversation and time in UTC. */
export const answersQuery = ({ account, since, until }: ReportRange) =>
  reportQuery<{ readonly name: string; readonly rating: number | null }>(sql`
    select
      format('#%s, %s', c.display_id, to_char(r.created_at, 'YYYY-MM-DD HH24:MI:SS')) as name,
      r.rating
    from ${controlName('conversas_analytics')} c
    cross join lateral jsonb_to_recordset(c.csat_responses) r (rating integer, created_at timestamp)
    where c.account_id = ${account}::integer
      and c.deleted_at is null
      and r.created_at >= ${since}::timestamptz at time zone 'UTC'
      and r.created_at < ${until}::timestamptz at time zone 'UTC'
    order by r.created_at, c.conversation_id`)

/** The service level agreements that were missed, named by conversation. */
export const agreementsQuery = ({ account, since, until }: ReportRange) =>
  reportQuery<{ readonly name: string; readonly policy: string | null; readonly missed: string | null }>(sql`
    select
      format('#%s', c.display_id) as name,
      c.sla_policy_name as policy,
      array_to_string(c.sla_missed_types, ', ') as missed
    from ${controlName('conversas_analytics')} c
    where c.account_id = ${account}::integer
      and c.deleted_at is null
      and c.is_sla_missed
      and c.sla_applied_at >= ${since}::timestamptz at time zone 'UTC'
      and c.sla_applied_at < ${until}::timestamptz at time zone 'UTC'
    order by c.sla_applied_at, c.conversation_id`)
