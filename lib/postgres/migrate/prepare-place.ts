import type pg from 'pg'

import { SyncError } from '../../domain/errors.js'
import { shellQuoted } from '../../domain/shell-word.js'
import { quoted } from '../driver/search-path.js'
import { adoptTables } from './adopt.js'
import { listMigrations, ownMigrations, type Folder } from './files.js'
import { renewFunctions } from './stale-functions.js'
import {
  createSchema,
  listOf,
  placeOf,
  readVersions,
  schemaOfTables,
  sharedList,
  type Place,
} from './place.js'

/**
 * Finds out where the tables belong, and makes ready what is needed there: a schema of its own, and its list for tables that are there already.
 * Throws TARGET_FORBIDDEN where the role may not create the schema, and TARGET_NOT_MIGRATED where the shared list is about the tables of another
 * schema.
 */
export async function preparePlace(
  client: pg.Client,
  schema: string | undefined,
  folder: Folder,
): Promise<{ readonly place: Place; readonly notes: readonly string[] }> {
  const own = await ownFolder(folder)
  const place = await placeOf(client, schema, [...own.migrations, ...folder.migrations])
  if (place.schema === undefined || place.schema === 'public') {
    await requireTables(client, place, folder)
    return { place, notes: [] }
  }
  await createSchema(client, place.schema)
  // Whatever else asks for a table by its bare name means the one in this schema.
  await client.query(`select pg_catalog.set_config('search_path', $1::text, false)`, [quoted(place.schema)])
  const isAdopted = await adoptTables(client, place.schema, own)
  await renewFunctions(client, place.schema)
  return { place, notes: isAdopted ? [adopted(place.schema)] : [] }
}

const adopted = (schema: string) =>
  `The tables in the schema ${quoted(schema)} have a list of migrations of their own now, ${listOf(schema)}. Name the schema in all commands: LOCAL_DB_SCHEMA or --schema.`

/** A bundle that migrates by a folder of its own need not have ours. */
async function ownFolder(given: Folder): Promise<Folder> {
  try {
    const directory = ownMigrations()
    return directory === given.directory ? given : { directory, migrations: await listMigrations(directory) }
  } catch (error) {
    if (error instanceof SyncError) return given
    throw error
  }
}

/** Otherwise migrate would say to a second tenant that nothing is left to do, and there would be no table. */
async function requireTables(client: pg.Client, { schema }: Place, { migrations }: Folder): Promise<void> {
  const first = migrations.find(({ name }) => name.endsWith('_create_etl_control'))
  if (!first || !(await readVersions(client, sharedList))?.has(first.version)) return
  const found = await schemaOfTables(client, schema)
  if (found !== undefined) return
  const { rows } = await client.query<{ schema: string | null }>('select current_schema()::text as schema')
  const own = schema ?? rows[0]?.schema ?? 'public'
  const name = own === 'public' ? 'tenant_b' : own
  throw new SyncError(
    'TARGET_NOT_MIGRATED',
    `${sharedList} says that the migrations are applied, but none of their tables is in ${quoted(own)}.`,
    {
      remedy: `They are in another schema. For tables of your own beside them, name a schema in LOCAL_DB_SCHEMA or --schema, such as --schema ${shellQuoted(name)}; to use them, correct the search_path of the role.`,
      details: { schema: own },
    },
  )
}
