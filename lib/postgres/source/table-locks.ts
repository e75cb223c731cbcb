import { sql, type CompiledQuery } from 'kysely'

import { compile } from '../driver/statement.js'

/**
 * Reads no row of the tables and locks each as a SELECT does, until the transaction ends: nobody can change their columns meanwhile.
 * Names are found as in the statements that read them.
 */
export function holdQuery(
  tables: readonly { readonly schema?: string; readonly name: string }[],
): CompiledQuery {
  const parts = tables.map(
    ({ schema, name }) =>
      sql`select null::integer as nothing from ${schema === undefined ? sql.id(name) : sql.id(schema, name)} where false`,
  )
  return compile(sql.join(parts, sql` union all `))
}

/**
 * Tables and indexes that this transaction holds and that were written anew since its snapshot. TRUNCATE and an ALTER TABLE that rewrites
 * are not transactional for older snapshots: these see an empty table. The catalog as of the snapshot has the old file, the function
 * tells the one of now. To be asked once everything that will be read is held.
 */
export const rewrittenQuery = compile(sql`
  select coalesce(string_agg(distinct l.relation::regclass::text, ', '), '')::text as rewritten
  from pg_locks l
  left join pg_class c on c.oid = l.relation
  where l.pid = pg_backend_pid()
    and l.locktype = 'relation'
    and l.database = (select oid from pg_database where datname = current_database())
    -- Below are the relations of the catalog itself.
    and l.relation >= 16384
    and (c.oid is null or nullif(c.relfilenode, 0) is distinct from pg_relation_filenode(l.relation))`)
