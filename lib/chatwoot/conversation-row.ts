import { readFileSync } from 'node:fs'

import { sql, type RawBuilder } from 'kysely'

import { notBeside } from '../domain/package-file.js'
import { qualify, tableIn, type ChatwootTables } from './catalog.js'

/** Raised with each change of what the row holds or of how it is computed, so that the next run is a full load. */
export const queryVersion = 1

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
  /** Time zones that both servers know; for an inbox with another one it is UTC. */
  readonly knownTimeZones: readonly string[]
  readonly accounts: readonly number[] | undefined
  readonly inboxes: readonly number[] | undefined
  /** Ids of contacts whose conversations, and those in which they wrote, are left out. */
  readonly forgotten: readonly string[]
  /** Whether the texts of messages and survey answers are returned. */
  readonly messageTexts: boolean
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
  const { timeZone, knownTimeZones, accounts, inboxes, messageTexts } = options
  const values = {
    time_zone: timeZone ?? null,
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

/** An array as one text, which every driver sends in the same form. */
export function arrayOf(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`
}

/**
 * A statement of db/chatwoot with a value or an expression for each `:name` in it. Values go as parameters; the text is the same for every
 * run with the same expressions.
 */
export function sqlFile<Row>(
  file: string,
  values: Readonly<Record<string, string | null | RawBuilder<unknown>>>,
  tables: ChatwootTables = new Map(),
): RawBuilder<Row> {
  const text = (texts[file] ??= read(`../../db/chatwoot/${file}`))
  // A comment could hold a colon or a quote, and the server has no use for it.
  const bare = text.replaceAll(/^\s*--.*\n/gm, '')
  const pieces = qualify(bare, tables).split(/(?<![:\w]):([a-z_]+)/)
  return sql<Row>`${sql.join(
    pieces.map((piece, index) => (index % 2 === 0 ? sql.raw(piece) : sql`${values[piece] ?? null}`)),
    sql.raw(''),
  )}`
}

function read(path: string): string {
  try {
    const here = import.meta.url
    return readFileSync(new URL(path, here), 'utf8')
  } catch (cause) {
    throw notBeside(path, cause)
  }
}

const texts: Record<string, string> = {}
