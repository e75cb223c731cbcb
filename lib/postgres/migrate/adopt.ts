import type pg from 'pg'

import { quoted } from '../driver/search-path.js'
import type { Folder } from './files.js'
import { hasAny, listOf, readVersions, sharedList } from './place.js'
import { isThere, traceOf, type Trace } from './traces.js'

/**
 * Begins the list of a schema whose tables are there already: a search_path has put them there, or they were moved or restored. It holds
 * the versions of this package that the shared list has and whose tables, columns and functions the schema has, or, where that list has
 * none, those that can be seen in the schema; and what else is in the shared list, as migrations of the caller's own. Returns whether there was
 * anything to adopt.
 */
export async function adoptTables(client: pg.Client, schema: string, own: Folder): Promise<boolean> {
  const list = listOf(schema)
  const ownVersions = new Set(own.migrations.map(({ version }) => version))
  if ((await hasAny(client, list, own.migrations)) || !(await hasOurTables(client, schema))) return false
  const shared = await readSharedVersions(client)
  const isShared = own.migrations.some(({ version }) => shared.has(version))
  const traces = await traceOf(own)
  const isFound = await isThere(client, schema, traces)
  const isApplied = (trace: Trace) =>
    isFound(trace) && (isShared ? shared.has(trace.version) : trace.made.length > 0)
  const others = isShared ? [...shared].filter((version) => !ownVersions.has(version)) : []
  await beginList(client, list, [...traces.filter(isApplied).map(({ version }) => version), ...others])
  return true
}

/** As dbmate makes it. */
async function beginList(client: pg.Client, list: string, versions: readonly string[]): Promise<void> {
  await client.query('begin')
  try {
    await client.query(`create table if not exists ${list} (version varchar primary key)`)
    await client.query(
      `insert into ${list} (version) select pg_catalog.unnest($1::text[]) on conflict (version) do nothing`,
      [versions],
    )
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
  }
}

/** Those of the Python pipeline have the same name and lack the column; migrating takes them over. */
async function hasOurTables(client: pg.Client, schema: string): Promise<boolean> {
  const { rows } = await client.query(
    `select 1 from pg_catalog.pg_attribute
     where attrelid = pg_catalog.to_regclass($1::text) and attname = 'pipeline' and not attisdropped`,
    [`${quoted(schema)}.etl_control`],
  )
  return rows.length > 0
}

/** None where the role may not read them: a tenant need not see what is in public. */
async function readSharedVersions(client: pg.Client): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ readable: boolean | null }>(
    `select pg_catalog.has_table_privilege(pg_catalog.to_regclass($1::text), 'select') as readable
     from pg_catalog.pg_namespace
     where nspname = 'public' and pg_catalog.has_schema_privilege(oid, 'usage')`,
    [sharedList],
  )
  const versions = rows[0]?.readable === true ? await readVersions(client, sharedList) : undefined
  return versions ?? new Set()
}
