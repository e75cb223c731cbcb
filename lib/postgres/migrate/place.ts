import type pg from 'pg'

import { SyncError } from '../../domain/errors.js'
import { quoted } from '../driver/search-path.js'
import type { Migration } from './files.js'

/** Where the tables are, and the list of the migrations that are applied to them. */
export interface Place {
  /** Undefined where the path of the role says where tables are created. */
  readonly schema: string | undefined
  /** The table of versions, as SQL writes it. */
  readonly list: string
}

/** The list that dbmate keeps by default, with its schema, so that no search_path changes it. */
export const sharedList = 'public.schema_migrations'

/** The list of a schema. */
export const listOf = (schema: string): string => `${quoted(schema)}.schema_migrations`

/**
 * The schema that the options name. Without one, the schema in which the path of the role finds the tables, if it has a list of its own, which a
 * call with the option has begun; else the shared list, as in releases before there was that option.
 */
export async function placeOf(
  client: pg.Client,
  schema: string | undefined,
  migrations: readonly Migration[],
): Promise<Place> {
  if (schema !== undefined) return { schema, list: listOf(schema) }
  const found = await schemaOfTables(client)
  const list = found === undefined || found === 'public' ? sharedList : listOf(found)
  const isOwn = list !== sharedList && (await hasAny(client, list, migrations))
  return isOwn ? { schema: found, list } : { schema: undefined, list: sharedList }
}

/** The first schema of the role's path that has our tables, or those of the Python pipeline; or the given one, if it has. */
export async function schemaOfTables(client: pg.Client, schema?: string): Promise<string | undefined> {
  const { rows } = await client.query<{ schema: string }>(
    `
    select n.nspname::text as schema
    from pg_catalog.unnest(case when $1::name is null then pg_catalog.current_schemas(false) else array[$1::name] end) with ordinality s (name, place)
    join pg_catalog.pg_namespace n on n.nspname = s.name
    join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = 'etl_control'
    order by s.place
    limit 1`,
    [schema ?? null],
  )
  return rows[0]?.schema
}

/** Whether a list is there and has one of these migrations. */
export async function hasAny(
  client: pg.Client,
  list: string,
  migrations: readonly Migration[],
): Promise<boolean> {
  const versions = await readVersions(client, list)
  return versions !== undefined && migrations.some(({ version }) => versions.has(version))
}

/** The versions in a list; undefined where there is no such table. */
export async function readVersions(
  client: pg.Client,
  list: string,
): Promise<ReadonlySet<string> | undefined> {
  const { rows: tables } = await client.query('select 1 where to_regclass($1::text) is not null', [list])
  if (tables.length === 0) return undefined
  const { rows } = await client.query<{ version: string }>(`select version from ${list}`)
  return new Set(rows.map(({ version }) => version))
}

/** Creates the schema where it is missing. Throws TARGET_FORBIDDEN with the statement for somebody who may. */
export async function createSchema(client: pg.Client, schema: string): Promise<void> {
  const { rows } = await client.query('select 1 from pg_catalog.pg_namespace where nspname = $1::text', [
    schema,
  ])
  if (rows.length > 0) return
  try {
    await client.query(`create schema if not exists ${quoted(schema)}`)
  } catch (cause) {
    if (Reflect.get(Object(cause), 'code') !== '42501') throw cause
    const role = quoted(client.user ?? '')
    throw new SyncError('TARGET_FORBIDDEN', `The role ${role} may not create the schema ${quoted(schema)}.`, {
      remedy: `Have the owner of the database run: create schema ${quoted(schema)} authorization ${role}`,
      details: { schema, sqlState: '42501' },
      cause,
    })
  }
}
