import { sql, type CompiledQuery } from 'kysely'

import { relationNamed } from '../driver/catalog.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'

/** A column of a table by which rows are sought. */
export interface SoughtColumn {
  /** As SQL writes it. */
  readonly table: string
  readonly column: string
}

/** How the source gets to the newest values of a column. */
export interface ColumnPath extends SoughtColumn {
  /** An index of the table begins with it. */
  readonly isIndexed: boolean
  /** Of the table, as the planner knows them: unlike its size they can be read while somebody has locked it. */
  readonly pages: number
}

/** Whether a valid index over all rows of the table `c` begins with the column `s."column"`, in an order. */
const isIndexed = sql.raw(`
    exists (
      select 1
      from pg_index i
      join pg_class ic on ic.oid = i.indexrelid
      join pg_am am on am.oid = ic.relam
      join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
      where i.indrelid = c.oid
        and a.attname = s."column"
        and am.amname = 'btree'
        and i.indisvalid
        and i.indpred is null
    )`)

/** How the source gets to each of the columns, for those whose table there is. */
export const columnPathsQuery = (sought: readonly SoughtColumn[]): CompiledQuery<ColumnPath> =>
  compile(sql<ColumnPath>`
    select
      s."table"::text as "table",
      s."column"::text as "column",
      ${isIndexed} as "isIndexed",
      c.relpages::integer as pages
    from json_to_recordset(${JSON.stringify(sought)}::json) as s ("table" text, "column" text)
    join pg_class c on c.oid = ${relationNamed(sql`s."table"`)}
    where c.relkind in ('r', 'm')`)

/** Where no column is sought. */
export const noColumnPaths: CompiledQuery<ColumnPath> = compile(sql<ColumnPath>`select 1 where false`)

/** A column that no index begins with, and what a scan of its table reads. */
export interface UnindexedColumn extends SoughtColumn {
  /** Rows as the planner estimates them, as text. */
  readonly rows: string
  /** Size of the table with a unit: `1200 MB`. */
  readonly size: string
}

/** Those of the columns that no index of their table begins with, where the table has more than `minRows` rows; the largest table first. */
export async function unindexedColumns(
  source: Session,
  sought: readonly SoughtColumn[],
  minRows: number,
): Promise<readonly UnindexedColumn[]> {
  return source.rows(
    compile(sql<UnindexedColumn>`
      select
        s."table"::text as "table",
        s."column"::text as "column",
        c.reltuples::bigint::text as rows,
        pg_size_pretty(pg_table_size(c.oid))::text as size
      from json_to_recordset(${JSON.stringify(sought)}::json) as s ("table" text, "column" text)
      join pg_class c on c.oid = ${relationNamed(sql`s."table"`)}
      where c.relkind in ('r', 'm')
        and c.reltuples > ${minRows}::real
        and not ${isIndexed}
      order by
        c.reltuples desc,
        s."column"`),
  )
}
