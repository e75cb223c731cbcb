import { sql } from 'kysely'

import { isOfKind, optionalColumns, readColumns, type ColumnKind } from './source-columns.js'
import { SyncError } from '../domain/errors.js'

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
}

const listed = (tables: Readonly<Record<string, Readonly<Record<string, ColumnKind>>>>, optional: boolean) =>
  Object.entries(tables).flatMap(([table, columns]) =>
    Object.entries(columns).map(([column, kind]) => ({ table, column, kind, optional })),
  )

/** Every column of Chatwoot that is read; the rows for `toChatwootColumns`. */
export const lookUpChatwoot = sql`
  select
    wanted."table"::text,
    wanted."column"::text,
    wanted.kind::text,
    wanted.optional::text,
    case
      when a.attnum is null then 'absent'
      when has_column_privilege(a.attrelid, a.attnum, 'select') then 'readable'
      else 'forbidden'
    end::text as state,
    coalesce(format_type(a.atttypid, a.atttypmod), '')::text as type,
    quote_ident(current_user)::text as role
  from json_to_recordset(${JSON.stringify([...listed(readColumns, false), ...listed(optionalColumns, true)])}::json)
    as wanted ("table" text, "column" text, kind text, optional boolean)
  left join pg_attribute a on a.attrelid = to_regclass(wanted."table")
    and a.attname = wanted."column"
    and a.attnum > 0
    and not a.attisdropped
  order by 1, 2`

export function toChatwootColumns(rows: readonly (readonly (string | null)[])[]): ChatwootColumn[] {
  const kinds = ['integer', 'text', 'time', 'boolean', 'uuid'] as const
  return rows.map(([table, column, kind, optional, state, type, role]) => ({
    table: table ?? '',
    column: column ?? '',
    kind: kinds.find((each) => each === kind) ?? 'text',
    optional: optional === 'true',
    state: state === 'readable' || state === 'forbidden' ? state : 'absent',
    type: type ?? '',
    role: role ?? '',
  }))
}

const nameOf = ({ table, column }: ChatwootColumn) => `${table}.${column}`

/**
 * Refuses tables that the built-in query cannot read, or would read as something else, before anything is written.
 * Throws RELATION_MISSING, COLUMN_MISSING, SOURCE_FORBIDDEN or COLUMN_TYPE_MISMATCH, which name every such column.
 */
export function requireChatwoot(columns: readonly ChatwootColumn[]): void {
  const tables = [...new Set(columns.map(({ table }) => table))]
  const gone = tables.filter((name) =>
    columns.every(({ table, state }) => table !== name || state === 'absent'),
  )
  if (gone.length > 0) {
    throw new SyncError('RELATION_MISSING', `The source has no table ${gone.join(', ')}.`, {
      remedy: 'Connect to the database of Chatwoot, with its schema in the search_path of the role.',
      details: { tables: gone },
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
  const strange = columns.filter(({ state, kind, type }) => state === 'readable' && !isOfKind(kind, type))
  if (strange.length > 0) {
    const told = strange.map((each) => `${nameOf(each)} is ${each.type}`).join(', ')
    throw new SyncError(
      'COLUMN_TYPE_MISMATCH',
      `The source has columns of a type that is not known: ${told}.`,
      {
        remedy: 'Use a chatwoot-sync that knows this release of Chatwoot.',
        details: { columns: strange.map(nameOf) },
      },
    )
  }
}

/** The type of each column that is there, by `table.column`. */
export function chatwootShape(columns: readonly ChatwootColumn[]): Map<string, string> {
  return new Map(columns.flatMap((each) => (each.state === 'absent' ? [] : [[nameOf(each), each.type]])))
}
