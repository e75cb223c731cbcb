import { sql, type RawBuilder } from 'kysely'

import { SyncError } from '../domain/errors.js'
import { baseOf, basesOf } from './column-kinds.js'
import {
  extraColumns,
  extraTables,
  optionalColumns,
  readColumns,
  typeOfKind,
  unreadColumns,
  type Columns,
} from './tables.js'

/** Whether `conversations` of a release that this package knows has such a column. */
export function isKnownColumn(name: string): boolean {
  const read = [readColumns, optionalColumns, extraColumns]
  return read.some(({ conversations }) => name in conversations) || unreadColumns.includes(name)
}

/** A column of Chatwoot that is read, as the source has it. */
export interface ChatwootColumn {
  readonly table: string
  readonly column: string
  /** Every release has it; some lack it; or it is read only where the role may read it, too. */
  readonly need: 'required' | 'optional' | 'extra'
  readonly state: 'readable' | 'forbidden' | 'absent'
  /** As PostgreSQL writes it; empty where the column is absent. */
  readonly type: string
  /** It is of the kind that the queries expect, by its type below every domain. */
  readonly isKnown: boolean
  /** Of the connection, quoted. */
  readonly role: string
  /** In which the role finds the table; empty where it finds none. */
  readonly schema: string
}

const listed = (tables: Readonly<Record<string, Columns>>, need: ChatwootColumn['need']) =>
  Object.entries(tables).flatMap(([table, columns]) =>
    Object.entries(columns).map(([column, kind]) => ({ table, column, kind, need })),
  )

const wanted = [
  ...listed(readColumns, 'required'),
  ...listed(optionalColumns, 'optional'),
  ...listed(extraTables, 'extra'),
  ...listed(extraColumns, 'extra'),
]

const kindOf = new Map(wanted.map(({ table, column, kind }) => [`${table}.${column}`, kind]))

const wantedText = JSON.stringify(wanted.map(({ kind, ...each }) => ({ ...each, bases: basesOf[kind] })))

/** Of a custom relation, of which nothing has to be known. */
export const noChatwootColumns = sql<ChatwootColumn>`select 1 where false`

/** Every column of Chatwoot that is read, as this source has it. `relationNamed` looks a table up by the text of its name. */
export const chatwootColumnsQuery = (
  relationNamed: (name: RawBuilder<unknown>) => RawBuilder<unknown>,
): RawBuilder<ChatwootColumn> => sql<ChatwootColumn>`
  with
    wanted as (
      select *
      from json_to_recordset(${wantedText}::json)
        as wanted ("table" text, "column" text, bases text[], need text)
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
    wanted.need::text as need,
    case
      when a.attnum is null then 'absent'
      when has_column_privilege(a.attrelid, a.attnum, 'select') then 'readable'
      else 'forbidden'
    end::text as state,
    coalesce(format_type(a.atttypid, a.atttypmod), '')::text as type,
    coalesce(${baseOf} = any (wanted.bases), false) as "isKnown",
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
  const mismatched = columns.filter((each) => each.state === 'readable' && !each.isKnown)
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
const isReadable = (column: ChatwootColumn): boolean =>
  column.need === 'extra' ? column.state === 'readable' && column.isKnown : column.state !== 'absent'

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

/** How a table of Chatwoot is named in a statement. */
export interface TableSource {
  /** In which the role finds it; empty where it finds none. */
  readonly schema: string
  /** What a statement selects from in its place, where extra columns are not read. */
  readonly standIn?: string | undefined
  /** Its extra columns that are not read; all of them where it is not read at all. */
  readonly unread: ReadonlySet<string>
  readonly isRead: boolean
  /** This release has no such table. */
  readonly isAbsent: boolean
}

/** The tables of Chatwoot; one that is not among them is found by the path of the session, and read whole. */
export type ChatwootTables = ReadonlyMap<string, TableSource>

export function tablesOf(columns: readonly ChatwootColumn[]): ChatwootTables {
  const read = new Set(columnsRead(columns))
  const names = [...new Set(columns.map(({ table }) => table))]
  const of = (name: string) => columns.filter(({ table }) => table === name)
  return new Map(names.map((name) => [name, sourceOf(name, of(name), read)]))
}

function sourceOf(
  name: string,
  columns: readonly ChatwootColumn[],
  all: ReadonlySet<ChatwootColumn>,
): TableSource {
  const read = columns.filter((each) => all.has(each))
  const schema = columns.find((each) => each.schema !== '')?.schema ?? ''
  const unread = columns.filter((each) => each.need === 'extra' && !read.includes(each))
  const nulls = unread.map(
    (each) => `null::${typeOfKind[kindOf.get(nameOf(each)) ?? 'text']} as ${each.column}`,
  )
  const from = read.length > 0 ? `from ${nameIn(schema, name)}` : 'where false'
  const list = [...read.map(({ column }) => column), ...nulls].join(', ')
  return {
    schema,
    standIn: unread.length > 0 ? `(select ${list} ${from})` : undefined,
    unread: new Set(unread.map(({ column }) => column)),
    isRead: read.length > 0,
    isAbsent: columns.every(({ state }) => state === 'absent'),
  }
}

/** The tables that are read, with their schemas. */
export function tablesToRead(tables: ChatwootTables): { readonly schema?: string; readonly name: string }[] {
  const extra = Object.keys(extraTables).filter((name) => tables.get(name)?.isRead)
  return [...Object.keys(readColumns), ...extra].map((name) => {
    const schema = tables.get(name)?.schema
    return schema ? { schema, name } : { name }
  })
}

/** A table in a statement, with its schema. */
export function tableIn(tables: ChatwootTables, name: string): RawBuilder<unknown> {
  const schema = tables.get(name)?.schema
  return schema ? sql.id(schema, name) : sql.id(name)
}

/** A table, and an alias on the same line. */
const tableAndAlias = /\b(from|join) ([a-z_]+)\b( (?!(?:on|where|order|group|limit)\b)[a-z_]+)?/g

/**
 * The text of a statement with the schema of each table behind `from`, `join` and in `to_regclass`: as long as the path of the session has
 * their schema, it also has whatever else somebody may create in it. A stand-in takes the place of a table of which something is not read.
 */
export function qualify(text: string, tables: ChatwootTables): string {
  return text
    .replaceAll(tableAndAlias, (all: string, word: string, name: string, alias: string | undefined) => {
      const source = tables.get(name)
      if (!source) return all
      if (source.standIn !== undefined) return `${word} ${source.standIn}${alias ?? ` ${name}`}`
      return source.schema === '' ? all : `${word} ${nameIn(source.schema, name)}${alias ?? ''}`
    })
    .replaceAll(/\bto_regclass\('([a-z_]+)'\)/g, (all, name: string) => {
      const schema = tables.get(name)?.schema
      return schema ? `to_regclass('${nameIn(schema, name).replaceAll("'", "''")}')` : all
    })
}

/**
 * The text with `true` or `false` for each `:reads_table` and `:reads_table__column`, whether what a part computes is known, and for each
 * `:lacks_table`, whether this release has no such table.
 */
export function answerReads(text: string, tables: ChatwootTables): string {
  return text.replaceAll(/(?<![:\w]):(reads|lacks)_([a-z_]+)/g, (_, question: string, subject: string) => {
    const [table = '', column] = subject.split('__')
    const source = tables.get(table)
    if (question === 'lacks') return String(source?.isAbsent ?? false)
    if (!source) return 'true'
    return String(source.isRead && (column === undefined || !source.unread.has(column)))
  })
}

const nameIn = (schema: string, name: string) => (schema === '' ? name : `${identifier(schema)}.${name}`)

const identifier = (name: string) => `"${name.replaceAll('"', '""')}"`
