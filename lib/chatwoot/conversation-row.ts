import { sql, type RawBuilder } from 'kysely'

import { template } from './template.js'

/** Moves with each change of what the row holds or of how it is computed, so that the next run reads everything anew. */
export const queryVersion = 1

export interface RowColumn {
  readonly name: string
  /** The type in which it is given, without a modifier. */
  readonly type: string
  /** The cell of `r`, or what is given in its place. */
  readonly cell: RawBuilder<unknown>
}

export interface RowOptions {
  readonly timeZone: string | undefined
  /** Time zones that both servers know; an inbox with another one gets UTC. */
  readonly knownTimeZones: readonly string[]
  readonly accounts: readonly number[] | undefined
  readonly inboxes: readonly number[] | undefined
  /** Whether the texts of messages and survey answers are given. */
  readonly messageTexts: boolean
}

/** The columns in the order of db/chatwoot/conversation-row.sql. */
export const key = 'conversation_id'
export const changedAt = 'conversation_updated_at'

/** Keys of all conversations of the filter. */
export function conversationKeys({ accounts, inboxes }: RowOptions): RawBuilder<unknown> {
  const inFilter = sql.join(
    [sql`true`, ...filterBy('account_id', accounts), ...filterBy('inbox_id', inboxes)],
    sql` and `,
  )
  return sql`select c.id::text from conversations c where ${inFilter} order by c.id`
}

/** The conversations of the filter under a condition on `r`, in no order. */
export function conversations(
  columns: readonly RowColumn[],
  condition: RawBuilder<unknown>,
  options: RowOptions,
) {
  const { timeZone, knownTimeZones, accounts, inboxes, messageTexts } = options
  const row = template('conversation-row.sql', {
    time_zone: timeZone ?? null,
    known_time_zones: arrayOf(knownTimeZones),
    without_message_texts: messageTexts ? null : 'true',
  })
  const conditions = [
    condition,
    ...filterBy('account_id', accounts, 'r'),
    ...filterBy('inbox_id', inboxes, 'r'),
  ]
  return sql`
    select ${sql.join(columns.map(({ name, type, cell }) => sql`${cell}::${sql.raw(type)} as ${sql.id(name)}`))}
    from (${row}) r
    where ${sql.join(conditions, sql` and `)}`
}

function filterBy(column: string, ids: readonly number[] | undefined, alias = 'c'): RawBuilder<unknown>[] {
  return ids ? [sql`${sql.id(alias, column)} = any(${arrayOf(ids.map(String))}::integer[])`] : []
}

/** An array as one text, which every driver sends alike. */
export function arrayOf(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`
}
