import type pg from 'pg'

import { SyncError } from '../../domain/errors.js'
import { quoted } from '../driver/own-schema.js'
import { adoptTables } from './adopt.js'
import type { Migration } from './files.js'
import {
  createSchema,
  listOf,
  placeOf,
  readVersions,
  schemaOfTables,
  sharedList,
  type Place,
} from './place.js'

/** The migrations of a folder. */
interface Folder {
  readonly directory: string
  readonly migrations: readonly Migration[]
}

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
  const place = await placeOf(client, schema, folder.migrations)
  if (place.schema === undefined) {
    await requireTables(client, folder)
    return { place, notes: [] }
  }
  await createSchema(client, place.schema)
  const isAdopted = place.schema !== 'public' && (await adoptTables(client, place.schema, folder))
  return { place, notes: isAdopted ? [adopted(place.schema)] : [] }
}

const adopted = (schema: string) =>
  `The tables in the schema ${quoted(schema)} have a list of migrations of their own now, ${listOf(schema)}. Name the schema in all commands: LOCAL_DB_SCHEMA or --schema.`

/** Otherwise migrate would say to a second tenant that nothing is left to do, and there would be no table. */
async function requireTables(client: pg.Client, { migrations }: Folder): Promise<void> {
  const first = migrations.find(({ name }) => name.endsWith('_create_etl_control'))
  if (!first || !(await readVersions(client, sharedList))?.has(first.version)) return
  if ((await schemaOfTables(client)) !== undefined) return
  const { rows } = await client.query<{ schema: string | null }>('select current_schema()::text as schema')
  const schema = rows[0]?.schema ?? 'public'
  throw new SyncError(
    'TARGET_NOT_MIGRATED',
    `${sharedList} says that the migrations are applied, but the search path of the role leads to no table of theirs.`,
    {
      remedy: `For tables in a schema of their own, beside those of somebody else, set LOCAL_DB_SCHEMA or --schema, such as --schema ${schema}; else correct the search_path of the role.`,
      details: { schema },
    },
  )
}
