import { sql } from 'kysely'

import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'

/** A table, and its rows as the planner estimates them, as text. */
export interface LargeTable {
  readonly name: string
  readonly rows: string
}

/** Those of the tables that have more than `minRows` rows and no index that begins with the column, the largest first. */
export async function largeTablesWithoutIndex(
  source: Session,
  tables: readonly string[],
  { column, minRows }: { readonly column: string; readonly minRows: number },
): Promise<readonly LargeTable[]> {
  return source.rows(
    compile(sql<LargeTable>`
      select
        wanted::text as name,
        c.reltuples::bigint::text as rows
      from json_array_elements_text(${JSON.stringify(tables)}::json) wanted
      join pg_class c on c.oid = to_regclass(wanted)
      where c.reltuples > ${minRows}::real
        and not exists (
          select
          from pg_index i
          join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
          where i.indrelid = c.oid
            and a.attname = ${column}::text
            and i.indisvalid
            and i.indpred is null
        )
      order by c.reltuples desc`),
  )
}
