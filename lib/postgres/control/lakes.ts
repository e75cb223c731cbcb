import { sql } from 'kysely'

import { SyncError } from '../../domain/errors.js'
import { migrateCommand } from '../../domain/migrate-command.js'
import { ownRelation } from '../driver/search-path.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'
import type { LakeName } from './lake-lock.js'

/** How the files of a lake are written; part of what it was registered with. */
export interface LakeSettings {
  /** Names of columns that are left out. */
  readonly without: readonly string[]
  readonly timestamps: 'ntz' | 'utc'
  /** How its bucket is reached. */
  readonly endpoint?: string | undefined
  readonly region?: string | undefined
  readonly pathStyle?: boolean | undefined
}

/** A row of `etl_lakes`. */
export interface RegisteredLake extends LakeName {
  readonly lakeId: string
  /** With its schema, as SQL writes it. */
  readonly table: string
  readonly settings: LakeSettings
  /** The last version that is known to be committed; null before the first. */
  readonly version: number | null
}

/** Throws TARGET_NOT_MIGRATED where the tables of lakes are not there yet. */
export async function requireLakeTables(target: Session): Promise<void> {
  if (await hasLakeTables(target)) return
  throw new SyncError('TARGET_NOT_MIGRATED', 'The target has no table etl_lakes.', {
    remedy: `Run ${migrateCommand(target.schema)}.`,
  })
}

async function hasLakeTables(target: Session): Promise<boolean> {
  const [row] = await target.rows(
    compile(sql<{ found: boolean }>`select ${ownRelation(sql`'etl_lakes'::text`)} is not null as found`),
  )
  return row?.found === true
}

/** As `readLakes`; none before `migrate` has created the table. */
export const findLakes = async (target: Session, pipeline: string): Promise<readonly RegisteredLake[]> =>
  (await hasLakeTables(target)) ? readLakes(target, pipeline) : []

/** The lakes of a pipeline, by name. Call it only where `requireLakeTables` has passed. */
export async function readLakes({ db }: Session, pipeline: string): Promise<readonly RegisteredLake[]> {
  const rows = await db
    .selectFrom('etl_lakes')
    .select([
      'pipeline',
      'lake',
      'table_name',
      sql<string>`lake_id::text`.as('lake_id'),
      sql<string>`settings::text`.as('settings'),
      sql<string | null>`version::text`.as('version'),
    ])
    .where('pipeline', '=', pipeline)
    .orderBy('lake')
    .execute()
  return rows.map((row) => ({
    pipeline: row.pipeline,
    lake: row.lake,
    lakeId: row.lake_id,
    table: row.table_name,
    settings: { without: [], timestamps: 'ntz', ...(JSON.parse(row.settings) as Partial<LakeSettings>) },
    version: row.version === null ? null : Number(row.version),
  }))
}

/** The lake of this name; undefined where none is registered. */
export async function readLake(target: Session, name: LakeName): Promise<RegisteredLake | undefined> {
  const lakes = await readLakes(target, name.pipeline)
  return lakes.find(({ lake }) => lake === name.lake)
}

/** Adds the lake and returns the id that it has been given. In the transaction that creates its triggers. */
export async function insertLake(
  { db }: Session,
  { pipeline, lake, table, settings }: Omit<RegisteredLake, 'lakeId' | 'version'>,
): Promise<string> {
  const { lake_id: id } = await db
    .insertInto('etl_lakes')
    .values({ pipeline, lake, table_name: table, settings: JSON.stringify(settings) })
    .returning(sql<string>`lake_id::text`.as('lake_id'))
    .executeTakeFirstOrThrow()
  return id
}

/** Replaces what the lake was registered with. */
export async function updateLake(
  { db }: Session,
  { pipeline, lake, table, settings }: Pick<RegisteredLake, 'pipeline' | 'lake' | 'table' | 'settings'>,
): Promise<void> {
  await db
    .updateTable('etl_lakes')
    .set({ table_name: table, settings: JSON.stringify(settings) })
    .where('pipeline', '=', pipeline)
    .where('lake', '=', lake)
    .execute()
}

/** Forgets the lake, with its marks and versions; its files stay. */
export async function deleteLake({ db }: Session, { pipeline, lake }: LakeName): Promise<void> {
  for (const table of ['etl_lake_months', 'etl_lake_versions', 'etl_lakes'] as const) {
    await db.deleteFrom(table).where('pipeline', '=', pipeline).where('lake', '=', lake).execute()
  }
}

/** Records why the lake could not be brought up to date. */
export async function recordLakeFailure(
  { db }: Session,
  { pipeline, lake }: LakeName,
  failure: { readonly code: string; readonly message: string },
): Promise<void> {
  await db
    .updateTable('etl_lakes')
    .set({
      failed_at: sql<string>`clock_timestamp()`,
      error_code: failure.code,
      error_message: failure.message,
    })
    .where('pipeline', '=', pipeline)
    .where('lake', '=', lake)
    .execute()
}
