import { sql, type RawBuilder } from 'kysely'

import { arrayOf, sqlFile } from './feeds.js'
import { tableIn, type ChatwootTables } from './catalog.js'

/** Raised with each change of what the row holds or of how it is computed, so that the next run is a full load. */
export const queryVersion = 2

/** The version of the rows without the columns that were added since the first release, into a table that has none of them. */
export const firstQueryVersion = 1

export interface RowColumn {
  readonly name: string
  /** The type in which it is returned, without a modifier. */
  readonly type: string
  /** The cell of `r`, or what is returned in its place. */
  readonly cell: RawBuilder<unknown>
}

export interface RowOptions {
  readonly tables: ChatwootTables
  readonly timeZone: string | undefined
  /** Address of Chatwoot. */
  readonly chatwootUrl: string | undefined
  /** Time zones that both servers know; another one of an account or an inbox is passed over. */
  readonly knownTimeZones: readonly string[]
  readonly accounts: readonly number[] | undefined
  readonly inboxes: readonly number[] | undefined
  /** Ids of contacts whose conversations, and those in which they wrote, are left out. */
  readonly forgotten: readonly string[]
  /** Whether the texts of messages and survey answers are returned. */
  readonly messageTexts: boolean
}

/** Columns of jsonb that the row has as json as well, and under which name. */
export const columnsAsJson: Readonly<Record<string, string>> = {
  message_compiled: 'message_compiled_json',
  reporting_events: 'reporting_events_json',
}

/** The columns in the order of db/chatwoot/conversation-row.sql. */
export const key = 'conversation_id'
export const changedAt = 'conversation_updated_at'

/** Keys of all conversations of the filter. */
export function conversationKeys({ tables, accounts, inboxes, forgotten }: RowOptions): RawBuilder<unknown> {
  const inFilter = sql.join(
    [
      sql`true`,
      ...filterBy('account_id', accounts),
      ...filterBy('inbox_id', inboxes),
      ...withoutForgotten(sql`c.id`, sql`c.contact_id`, { tables, forgotten }),
    ],
    sql` and `,
  )
  return sql`select c.id::text as id from ${tableIn(tables, 'conversations')} c where ${inFilter} order by c.id`
}

/** The conversations of the filter under a condition on `r`, in no order. */
export function conversations(
  columns: readonly RowColumn[],
  condition: RawBuilder<unknown>,
  options: RowOptions,
) {
  const { timeZone, chatwootUrl, knownTimeZones, accounts, inboxes, messageTexts } = options
  const values = {
    time_zone: timeZone ?? null,
    chatwoot_url: chatwootUrl?.replace(/\/+$/, '') ?? null,
    known_time_zones: arrayOf(knownTimeZones),
    without_message_texts: messageTexts ? null : 'true',
  }
  const row = sqlFile('conversation-row.sql', values, options.tables)
  const conditions = [
    condition,
    ...filterBy('account_id', accounts, 'r'),
    ...filterBy('inbox_id', inboxes, 'r'),
    ...withoutForgotten(sql`r.conversation_id`, sql`r.contact_id`, options),
  ]
  return sql`
    select ${sql.join(columns.map(({ name, type, cell }) => sql`${cell}::${sql.raw(type)} as ${sql.id(name)}`))}
    from (${row}) r
    where ${sql.join(conditions, sql` and `)}`
}

function filterBy(column: string, ids: readonly number[] | undefined, alias = 'c'): RawBuilder<unknown>[] {
  return ids ? [sql`${sql.id(alias, column)} = any(${arrayOf(ids.map(String))}::integer[])`] : []
}

/** Messages are found by Chatwoot's index on their sender, once for a statement. */
function withoutForgotten(
  id: RawBuilder<unknown>,
  contact: RawBuilder<unknown>,
  { tables, forgotten }: Pick<RowOptions, 'tables' | 'forgotten'>,
): RawBuilder<unknown>[] {
  if (forgotten.length === 0) return []
  const contacts = sql`${arrayOf(forgotten)}::bigint[]`
  return [
    sql`(${contact} is null or ${contact} <> all(${contacts}))`,
    sql`${id} not in (
      select conversation_id
      from ${tableIn(tables, 'messages')}
      where sender_type = 'Contact'
        and sender_id = any(${contacts})
        and conversation_id is not null
    )`,
  ]
}
