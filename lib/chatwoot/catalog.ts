import { sql, type RawBuilder } from 'kysely'

import { SyncError } from '../domain/errors.js'
import {
  extraColumns,
  extraTables,
  optionalColumns,
  readColumns,
  type ColumnKind,
  type Columns,
} from './tables.js'

/** Columns of `conversations` up to release 4.14 that the conversation row leaves out on purpose. */
const unreadColumns = [
  'assignee_last_seen_at',
  'contact_inbox_id',
  'identifier',
  'locked',
  'user_last_seen_at',
]

/** Whether `conversations` of a release that this package knows has such a column. */
export function isKnownColumn(name: string): boolean {
  const read = [readColumns, optionalColumns, extraColumns]
  return read.some(({ conversations }) => name in conversations) || unreadColumns.includes(name)
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
    case 'number':
      return /^(double precision|real|numeric(\(\d+(,\d+)?\))?|smallint|integer|bigint)$/.test(type)
    case 'json':
      return ['json', 'jsonb'].includes(type)
    case 'boolean':
    case 'uuid':
    case 'jsonb':
      return type === kind
  }
}

/** A column of Chatwoot that is read, as the source has it. */
export interface ChatwootColumn {
  readonly table: string
  readonly column: string
  readonly kind: ColumnKind
  /** Every release has it; some lack it; or it is read only where the role may read it, too. */
  readonly need: 'required' | 'optional' | 'extra'
  readonly state: 'readable' | 'forbidden' | 'absent'
  /** As PostgreSQL writes it; empty where the column is absent. */
  readonly type: string
  /** Of the connection, quoted. */
  readonly role: string
  /** In which the role finds the table; empty where it finds none. */
  readonly schema: string
}

const listed = (tables: Readonly<Record<string, Columns>>, need: ChatwootColumn['need']) =>
  Object.entries(tables).flatMap(([table, columns]) =>
    Object.entries(columns).map(([column, kind]) => ({ table, column, kind, need })),
  )

const wanted = JSON.stringify([
  ...listed(readColumns, 'required'),
  ...listed(optionalColumns, 'optional'),
  ...listed(extraTables, 'extra'),
  ...listed(extraColumns, 'extra'),
])

/** Every column of Chatwoot that is read, as this source has it. `relationNamed` looks a table up by the text of its name. */
export const chatwootColumnsQuery = (
  relationNamed: (name: RawBuilder<unknown>) => RawBuilder<unknown>,
): RawBuilder<ChatwootColumn> => sql<ChatwootColumn>`
  with
    wanted as (
      select *
      from json_to_recordset(${wanted}::json)
        as wanted ("table" text, "column" text, kind text, need text)
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
    wanted.need::text as need,
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
export function requireChatwoot(all: readonly ChatwootColumn[]): void {
  const columns = all.filter(({ need }) => need !== 'extra')
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
  const absent = columns.filter(({ state, need }) => state === 'absent' && need === 'required').map(nameOf)
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

/** Whether a run could read the column; an extra one that it may not read, or would misread, it leaves alone. */
const isReadable = ({ need, state, kind, type }: ChatwootColumn): boolean =>
  need === 'extra' ? state === 'readable' && isOfKind(kind, type) : state !== 'absent'

/** The columns that a run reads: of an extra table none, unless it can read all that it needs of it. */
export function columnsRead(columns: readonly ChatwootColumn[]): ChatwootColumn[] {
  const lacking = columns.filter((each) => isNeeded(each) && !isReadable(each)).map(({ table }) => table)
  return columns.filter((each) => isReadable(each) && !lacking.includes(each.table))
}

function isNeeded({ table, column }: ChatwootColumn): boolean {
  const tables: Readonly<Record<string, Columns>> = extraTables
  return column in (tables[table] ?? {})
}

/** The type of each column that is read, by `table.column`. */
export function chatwootShape(columns: readonly ChatwootColumn[]): Map<string, string> {
  return new Map(columnsRead(columns).map((each) => [nameOf(each), each.type]))
}

/** The columns as a source would have them that has none of the extra ones. */
export function withoutExtra(columns: readonly ChatwootColumn[]): ChatwootColumn[] {
  return columns.map((each) => (each.need === 'extra' ? { ...each, state: 'absent', type: '' } : each))
}
