import { sql, type RawBuilder } from 'kysely'

import { SyncError } from '../domain/errors.js'

/** What a type has to be for the queries to mean what they say; within a kind, width and length may differ from release to release. */
export type ColumnKind = 'integer' | 'text' | 'time' | 'boolean' | 'uuid'

type Columns = Readonly<Record<string, ColumnKind>>

/** The columns of Chatwoot that the built-in query and the change feeds read and that every release has. */
export const readColumns = {
  accounts: { id: 'integer', name: 'text' },
  contacts: { id: 'integer', name: 'text', email: 'text', phone_number: 'text', updated_at: 'time' },
  conversations: {
    id: 'integer',
    account_id: 'integer',
    inbox_id: 'integer',
    display_id: 'integer',
    status: 'integer',
    assignee_id: 'integer',
    contact_id: 'integer',
    created_at: 'time',
    updated_at: 'time',
    last_activity_at: 'time',
  },
  csat_survey_responses: {
    id: 'integer',
    conversation_id: 'integer',
    rating: 'integer',
    feedback_message: 'text',
    created_at: 'time',
    updated_at: 'time',
  },
  inboxes: { id: 'integer', name: 'text', channel_type: 'text' },
  messages: {
    id: 'integer',
    conversation_id: 'integer',
    content: 'text',
    message_type: 'integer',
    private: 'boolean',
    sender_id: 'integer',
    sender_type: 'text',
    created_at: 'time',
    updated_at: 'time',
  },
  taggings: { tag_id: 'integer', taggable_id: 'integer', taggable_type: 'text', context: 'text' },
  tags: { id: 'integer', name: 'text' },
  teams: { id: 'integer', name: 'text' },
  users: { id: 'integer', name: 'text', email: 'text' },
} as const satisfies Readonly<Record<string, Columns>>

/** The tables whose changes only stamps show; of the others each run reads every row, or a fingerprint of it. */
export const stampedTables = [
  'conversations',
  'messages',
  'contacts',
  'csat_survey_responses',
  'taggings',
  'tags',
] as const satisfies readonly (keyof typeof readColumns)[]

/** Columns that are read as well where the release has them; where it has not, they are NULL. */
export const optionalColumns = {
  contacts: { identifier: 'text' },
  conversations: {
    uuid: 'uuid',
    priority: 'integer',
    team_id: 'integer',
    campaign_id: 'integer',
    snoozed_until: 'time',
    first_reply_created_at: 'time',
    waiting_since: 'time',
    contact_last_seen_at: 'time',
    agent_last_seen_at: 'time',
    cached_label_list: 'text',
  },
  inboxes: { timezone: 'text' },
} as const satisfies Partial<Record<keyof typeof readColumns, Columns>>

/** Columns of `conversations` up to release 4.14 that the conversation row leaves out on purpose. */
const unreadColumns = [
  'additional_attributes',
  'assignee_agent_bot_id',
  'assignee_last_seen_at',
  'contact_inbox_id',
  'custom_attributes',
  'identifier',
  'locked',
  'sla_policy_id',
  'user_last_seen_at',
]

/** Whether `conversations` of a release that this package knows has such a column. */
export function isKnownColumn(name: string): boolean {
  return (
    name in readColumns.conversations || name in optionalColumns.conversations || unreadColumns.includes(name)
  )
}

/** Whether a column of this type, as PostgreSQL writes it, is of the kind. */
export function isOfKind(kind: ColumnKind, type: string): boolean {
  switch (kind) {
    case 'integer':
      return ['smallint', 'integer', 'bigint'].includes(type)
    case 'text':
      return /^(text|citext|character varying(\(\d+\))?)$/.test(type)
    case 'time':
      return /^timestamp(\(\d\))? without time zone$/.test(type)
    case 'boolean':
    case 'uuid':
      return type === kind
  }
}

/** A column of Chatwoot that is read, as the source has it. */
export interface ChatwootColumn {
  readonly table: string
  readonly column: string
  readonly kind: ColumnKind
  /** Some releases lack it. */
  readonly optional: boolean
  readonly state: 'readable' | 'forbidden' | 'absent'
  /** As PostgreSQL writes it; empty where the column is absent. */
  readonly type: string
  /** Of the connection, quoted. */
  readonly role: string
  /** In which the role finds the table; empty where it finds none. */
  readonly schema: string
}

const listed = (tables: Readonly<Record<string, Readonly<Record<string, ColumnKind>>>>, optional: boolean) =>
  Object.entries(tables).flatMap(([table, columns]) =>
    Object.entries(columns).map(([column, kind]) => ({ table, column, kind, optional })),
  )

/** Of a custom relation, of which nothing has to be known. */
export const noChatwootColumns = sql<ChatwootColumn>`select where false`

/** Every column of Chatwoot that is read, as this source has it. `relationNamed` looks a table up by the text of its name. */
export const chatwootColumnsQuery = (
  relationNamed: (name: RawBuilder<unknown>) => RawBuilder<unknown>,
): RawBuilder<ChatwootColumn> => sql<ChatwootColumn>`
  with
    wanted as (
      select *
      from json_to_recordset(${JSON.stringify([...listed(readColumns, false), ...listed(optionalColumns, true)])}::json)
        as wanted ("table" text, "column" text, kind text, optional boolean)
    ),
    tables as materialized (
      select
        named."table",
        ${relationNamed(sql`named."table"`)}::oid as oid
      from (select distinct "table" from wanted) named
    )
  select
    wanted."table"::text as "table",
    wanted."column"::text as "column",
    wanted.kind::text as kind,
    wanted.optional as optional,
    case
      when a.attnum is null then 'absent'
      when has_column_privilege(a.attrelid, a.attnum, 'select') then 'readable'
      else 'forbidden'
    end::text as state,
    coalesce(format_type(a.atttypid, a.atttypmod), '')::text as type,
    quote_ident(current_user)::text as role,
    coalesce(n.nspname, '')::text as schema
  from wanted
  join tables t on t."table" = wanted."table"
  left join pg_class c on c.oid = t.oid
  left join pg_namespace n on n.oid = c.relnamespace
  left join pg_attribute a on a.attrelid = t.oid
    and a.attname = wanted."column"
    and a.attnum > 0
    and not a.attisdropped
  order by 1, 2`

const nameOf = ({ table, column }: ChatwootColumn) => `${table}.${column}`

/** The first release with answers to surveys in a table of their own. */
export const oldestRelease = '1.18'

/** Whether the tables are those of a Chatwoot before `oldestRelease`. */
export function isTooOld(columns: readonly ChatwootColumn[]): boolean {
  const has = (name: string) => columns.some(({ table, state }) => table === name && state !== 'absent')
  return has('conversations') && has('messages') && has('inboxes') && !has('csat_survey_responses')
}

export const upgradeChatwoot = `Upgrade Chatwoot to ${oldestRelease} or later, or read a view of your own with --relation.`

/** What to do where tables or columns are missing that every release has. */
export const connectToChatwoot =
  'Connect to the database of Chatwoot, with its schema in the search_path of the role.'

/** What to do about columns whose types no release of Chatwoot has. */
export const unknownTypes =
  'Connect to the database of Chatwoot itself: copies made by other tools often have other types. If it is that database, install the newest chatwoot-sync, or read a view of your own with --relation.'

/**
 * Checks, before anything is written, that the built-in query can read the tables and would not misread them. Throws RELATION_MISSING, COLUMN_MISSING, SOURCE_FORBIDDEN or COLUMN_TYPE_MISMATCH, which name every such column.
 */
export function requireChatwoot(columns: readonly ChatwootColumn[]): void {
  const tables = [...new Set(columns.map(({ table }) => table))]
  const missing = tables.filter((name) =>
    columns.every(({ table, state }) => table !== name || state === 'absent'),
  )
  if (missing.length > 0) {
    const message = isTooOld(columns)
      ? `This Chatwoot is older than ${oldestRelease}: it has no table ${missing.join(', ')}.`
      : `The source has no table ${missing.join(', ')}.`
    throw new SyncError('RELATION_MISSING', message, {
      remedy: isTooOld(columns) ? upgradeChatwoot : connectToChatwoot,
      details: { tables: missing },
    })
  }
  const absent = columns.filter(({ state, optional }) => state === 'absent' && !optional).map(nameOf)
  if (absent.length > 0) {
    throw new SyncError('COLUMN_MISSING', `The source lacks what every Chatwoot has: ${absent.join(', ')}.`, {
      remedy: 'Connect to the database of Chatwoot; of a release that dropped it, use a newer chatwoot-sync.',
      details: { columns: absent },
    })
  }
  const forbidden = columns.filter(({ state }) => state === 'forbidden').map(nameOf)
  if (forbidden.length > 0) {
    throw new SyncError('SOURCE_FORBIDDEN', `The source role may not read ${forbidden.join(', ')}.`, {
      remedy: 'Grant what is missing; chatwoot-sync doctor prints the statements.',
      details: { columns: forbidden },
    })
  }
  const mismatched = columns.filter(({ state, kind, type }) => state === 'readable' && !isOfKind(kind, type))
  if (mismatched.length > 0) {
    const found = mismatched.map((each) => `${nameOf(each)} is ${each.type}`).join(', ')
    throw new SyncError(
      'COLUMN_TYPE_MISMATCH',
      `The source has columns of a type that is not known: ${found}.`,
      {
        remedy: unknownTypes,
        details: { columns: mismatched.map(nameOf) },
      },
    )
  }
}

/** The type of each column that is there, by `table.column`. */
export function chatwootShape(columns: readonly ChatwootColumn[]): Map<string, string> {
  return new Map(columns.flatMap((each) => (each.state === 'absent' ? [] : [[nameOf(each), each.type]])))
}

/** In which schema each table of Chatwoot is; one that is not in it is found by the path of the session. */
export type ChatwootTables = ReadonlyMap<string, string>

export function tablesOf(columns: readonly ChatwootColumn[]): ChatwootTables {
  return new Map(columns.flatMap(({ table, schema }) => (schema === '' ? [] : [[table, schema]])))
}

/** The tables that are read, with their schemas. */
export function tablesToRead(tables: ChatwootTables): { readonly schema?: string; readonly name: string }[] {
  return Object.keys(readColumns).map((name) => {
    const schema = tables.get(name)
    return schema === undefined ? { name } : { schema, name }
  })
}

/** A table in a statement, with its schema. */
export function tableIn(tables: ChatwootTables, name: string): RawBuilder<unknown> {
  const schema = tables.get(name)
  return schema === undefined ? sql.id(name) : sql.id(schema, name)
}

/**
 * The text of a statement with the schema of each table behind `from`, `join` and in `to_regclass`: as long as the path of the session has
 * their schema, it also has whatever else somebody may create in it.
 */
export function qualify(text: string, tables: ChatwootTables): string {
  return text
    .replaceAll(/\b(from|join) ([a-z_]+)\b/g, (all, word: string, name: string) => {
      const schema = tables.get(name)
      return schema === undefined ? all : `${word} ${identifier(schema)}.${name}`
    })
    .replaceAll(/\bto_regclass\('([a-z_]+)'\)/g, (all, name: string) => {
      const schema = tables.get(name)
      return schema === undefined ? all : `to_regclass('${identifier(schema).replaceAll("'", "''")}.${name}')`
    })
}

const identifier = (name: string) => `"${name.replaceAll('"', '""')}"`
