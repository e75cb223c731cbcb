import type pg from 'pg'

import { quoted } from '../driver/own-schema.js'
import { isThere, traceOf, type Trace } from './traces.js'
import type { Migration } from './files.js'
import { listOf, readVersions, sharedList } from './place.js'

/**
 * Begins the list of a schema whose tables are there already: a search_path has put them there, or they were moved or restored. It holds
 * the versions that the shared list has and whose tables, columns and functions the schema has; without a shared list, those that can be
 * seen in the schema. Returns whether there was anything to adopt.
 */
export async function adoptTables(
  client: pg.Client,
  schema: string,
  { directory, migrations }: { readonly directory: string; readonly migrations: readonly Migration[] },
): Promise<boolean> {
  if ((await readVersions(client, listOf(schema))) !== undefined || !(await hasOurTables(client, schema)))
    return false
  const listed = await readSharedVersions(client)
  const isListed = migrations.some(({ version }) => listed.has(version))
  const traces = await traceOf(directory, migrations)
  const found = await isThere(client, schema, traces)
  const isApplied = (trace: Trace) =>
    found(trace) && (isListed ? listed.has(trace.version) : trace.made.length > 0)
  const versions = traces.filter(isApplied).map(({ version }) => version)
  await client.query('begin')
  try {
    await client.query(`create table ${listOf(schema)} (version varchar primary key)`)
    await client.query(`insert into ${listOf(schema)} (version) select unnest($1::text[])`, [versions])
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
  }
  return true
}

/** Those of the Python pipeline have the same name and lack the column; migrating takes them over. */
async function hasOurTables(client: pg.Client, schema: string): Promise<boolean> {
  const { rows } = await client.query(
    `select from pg_catalog.pg_attribute
     where attrelid = pg_catalog.to_regclass($1::text) and attname = 'pipeline' and not attisdropped`,
    [`${quoted(schema)}.etl_control`],
  )
  return rows.length > 0
}

/** None where the role may not read them: a tenant need not see what is in public. */
async function readSharedVersions(client: pg.Client): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ readable: boolean | null }>(
    `select pg_catalog.has_table_privilege(pg_catalog.to_regclass($1::text), 'select')
       and pg_catalog.has_schema_privilege('public', 'usage') as readable
     from pg_catalog.pg_namespace where nspname = 'public'`,
    [sharedList],
  )
  const versions = rows[0]?.readable === true ? await readVersions(client, sharedList) : undefined
  return versions ?? new Set()
}
