import { sql } from 'kysely'

import type { OrphanEvents } from '../../domain/chatwoot-report.js'
import { describeRelation, tableOf } from '../driver/catalog.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'

/**
 * The events of an account in a range whose conversation Chatwoot no longer has; its reports still count them. Undefined where there are no
 * such tables, or the role may not read them.
 */
export async function readOrphanEvents(
  source: Session,
  { account, since, until }: { readonly account: number; readonly since: string; readonly until: string },
): Promise<readonly OrphanEvents[] | undefined> {
  const events = await describeRelation(source, 'reporting_events')
  const conversations = await describeRelation(source, 'conversations')
  if (!events || !conversations || events.columns.length === 0) return undefined
  const has = (name: string) => events.columns.some((column) => column.name === name)
  if (!['name', 'value', 'account_id', 'conversation_id', 'created_at', 'user_id', 'inbox_id'].every(has))
    return undefined
  const business = has('value_in_business_hours') ? sql`e.value_in_business_hours` : sql`null`
  const rows = await source.rows(
    compile(sql<{ readonly row: string }>`
      select to_json(r)::text as row
      from (
        select
          e.name::text as name,
          e.user_id as agent,
          e.inbox_id as inbox,
          count(*) as count,
          coalesce(sum(e.value), 0) as seconds,
          coalesce(sum(${business}::double precision), 0) as "businessSeconds"
        from ${tableOf(events)} e
        where e.account_id = ${account}::integer
          and e.created_at >= ${since}::timestamptz at time zone 'UTC'
          and e.created_at < ${until}::timestamptz at time zone 'UTC'
          and not exists (
            select 1
            from ${tableOf(conversations)} c
            where c.id = e.conversation_id
          )
        group by e.name, e.user_id, e.inbox_id
      ) r`),
  )
  return rows.map(({ row }) => JSON.parse(row) as OrphanEvents)
}

/** How many such events there are; undefined where they cannot be counted. */
export async function countOrphanEvents(source: Session): Promise<number | undefined> {
  const events = await describeRelation(source, 'reporting_events')
  const conversations = await describeRelation(source, 'conversations')
  if (!conversations || !events?.columns.some(({ name }) => name === 'conversation_id')) return undefined
  const [row] = await source.rows(
    compile(sql<{ readonly count: string }>`
      select count(*)::text as count
      from ${tableOf(events)} e
      where not exists (
        select 1
        from ${tableOf(conversations)} c
        where c.id = e.conversation_id
      )`),
  )
  return Number(row?.count)
}
