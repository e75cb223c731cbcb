import { sql, type CompiledQuery } from 'kysely'

import { schemaChanged } from '../driver/catalog.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'

/** A table as a statement names it; without a schema it is found by search_path. */
export interface NamedTable {
  readonly schema?: string
  readonly name: string
}

/**
 * Reads no row of the tables and locks each as a SELECT does, until the transaction ends: nobody can change their columns meanwhile.
 * Names are resolved as in the statements that read them.
 */
function lockQuery(tables: readonly NamedTable[]): CompiledQuery {
  const parts = tables.map(
    ({ schema, name }) =>
      sql`select null::integer as nothing from ${schema === undefined ? sql.id(name) : sql.id(schema, name)} where false`,
  )
  return compile(sql.join(parts, sql` union all `))
}

interface RewrittenRow {
  readonly rewritten: string
}

/**
 * Tables and indexes that this transaction has locked and that were rewritten since its snapshot. TRUNCATE and an ALTER TABLE that rewrites
 * are not transactional for older snapshots: these see an empty table. The catalog as of the snapshot has the old file, the function
 * returns the one of now. To be run once everything that will be read is locked.
 */
const rewrittenTables: CompiledQuery<RewrittenRow> = compile(sql<RewrittenRow>`
  select coalesce(string_agg(distinct l.relation::regclass::text, ', '), '')::text as rewritten
  from pg_locks l
  left join pg_class c on c.oid = l.relation
  where l.pid = pg_backend_pid()
    and l.locktype = 'relation'
    and l.database = (select oid from pg_database where datname = current_database())
    -- Below are the relations of the catalog itself.
    and l.relation >= 16384
    and (c.oid is null or nullif(c.relfilenode, 0) is distinct from pg_relation_filenode(l.relation))`)

/** For a caller who shares the round trip: `requireNotRewritten` checks the rows of the second. */
export const lockQueries = (tables: readonly NamedTable[]) => [lockQuery(tables), rewrittenTables] as const

/**
 * Makes sure, in the open snapshot, that what is read from now on is what the snapshot saw: a table that was rewritten since would look empty.
 * From here to the end of the transaction nobody can change it. Throws SCHEMA_CHANGED.
 */
export async function lockTables(source: Session, tables: readonly NamedTable[]): Promise<void> {
  const [, rewritten] = await source.together(lockQueries(tables))
  requireNotRewritten(rewritten)
}

/** Throws SCHEMA_CHANGED for the row of `lockQueries` when it names any table: read now, it would look empty. */
export function requireNotRewritten([row]: readonly RewrittenRow[]): void {
  if (row?.rewritten) throw schemaChanged('source', [`rewritten: ${row.rewritten}`])
}
