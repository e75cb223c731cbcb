import { sql, type RawBuilder } from 'kysely'

import { columnsRead, type ChatwootColumn } from './catalog.js'
import { extraTables, readColumns, type ColumnKind } from './tables.js'

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
  return new Map(
    names.map((name) => {
      const own = columns.filter(({ table }) => table === name)
      return [
        name,
        sourceOf(
          name,
          own,
          own.filter((each) => read.has(each)),
        ),
      ]
    }),
  )
}

function sourceOf(
  name: string,
  columns: readonly ChatwootColumn[],
  read: readonly ChatwootColumn[],
): TableSource {
  const schema = columns.find((each) => each.schema !== '')?.schema ?? ''
  const unread = columns.filter((each) => each.need === 'extra' && !read.includes(each))
  const nulls = unread.map(({ column, kind }) => `null::${types[kind]} as ${column}`)
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

/** A type of each kind, for NULL in place of a column. */
const types: Readonly<Record<ColumnKind, string>> = {
  integer: 'bigint',
  number: 'double precision',
  text: 'text',
  time: 'timestamp',
  boolean: 'boolean',
  uuid: 'uuid',
  json: 'json',
  jsonb: 'jsonb',
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
