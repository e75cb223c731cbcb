import { sql } from 'kysely'

import type { Session } from '../driver/session.js'
import { builder, plain } from '../driver/statement.js'
import type { LakeName } from './lake-lock.js'

/** What a version has written, and what it holds as a whole. */
export interface VersionCounts {
  readonly rowsWritten: number
  readonly bytesWritten: number
  readonly filesAdded: number
  readonly filesRemoved: number
  /** Of the whole version. */
  readonly rowsTotal: number
  readonly bytesTotal: number
  readonly filesTotal: number
  readonly monthsTotal: number
  /** Files with rows that the table no longer has. */
  readonly filesArchived: number
}

/** What is written of a version. */
export interface LakeVersion extends VersionCounts {
  readonly version: number
  /** Time of the snapshot of the table, UTC. */
  readonly equalAt: string
  readonly reason: string
  readonly months: readonly string[]
}

/**
 * Records a version that is about to be committed. Its commit waits for the disk, and with it everything that the snapshot has shown, which a
 * crash of the server could else take away again after the lake has it.
 */
export async function announceVersion(
  { db }: Session,
  { pipeline, lake }: LakeName,
  version: LakeVersion,
): Promise<void> {
  const columns = {
    started_at: sql<string>`${version.equalAt}::timestamp at time zone 'UTC'`,
    committed_at: null,
    reason: version.reason,
    months: sql<string[]>`array(select json_array_elements_text(${JSON.stringify(version.months)}::json))`,
    rows_written: String(version.rowsWritten),
    bytes_written: String(version.bytesWritten),
    files_added: version.filesAdded,
    files_removed: version.filesRemoved,
    rows_total: String(version.rowsTotal),
    bytes_total: String(version.bytesTotal),
    files_total: version.filesTotal,
    months_total: version.monthsTotal,
    files_archived: version.filesArchived,
  }
  await db
    .insertInto('etl_lake_versions')
    .values({ pipeline, lake, version: String(version.version), ...columns })
    .onConflict((conflict) => conflict.columns(['pipeline', 'lake', 'version']).doUpdateSet(columns))
    .execute()
}

/** What the lake now is equal to. */
export interface LakeState {
  readonly version: number
  readonly equalAt: string
  /** The marks that the version answers; no others are deleted. */
  readonly marks: readonly string[]
}

/** Records that the version is committed, and deletes the marks whose changes it has. All of it, or nothing. */
export async function recordVersion(
  target: Session,
  { pipeline, lake }: LakeName,
  { version, equalAt, marks }: LakeState,
): Promise<void> {
  const isOfLake = { pipeline, lake }
  const statements = [
    builder
      .deleteFrom('etl_lake_months')
      .where(sql<boolean>`mark = any(${`{${marks.join(',')}}`}::bigint[])`)
      .compile(),
    builder
      .updateTable('etl_lakes')
      .set({
        version: String(version),
        equal_at: sql<string>`${equalAt}::timestamp at time zone 'UTC'`,
        failed_at: null,
        error_code: null,
        error_message: null,
      })
      .where((eb) => eb.and(isOfLake))
      .compile(),
    builder
      .updateTable('etl_lake_versions')
      .set({ committed_at: sql<string>`clock_timestamp()` })
      .where((eb) => eb.and({ ...isOfLake, version: String(version) }))
      .where('committed_at', 'is', null)
      .compile(),
    builder
      .deleteFrom('etl_lake_versions')
      .where((eb) => eb.and(isOfLake))
      .where('version', '<', String(version))
      .where('started_at', '<', sql<string>`clock_timestamp() - interval '400 days'`)
      .compile(),
  ]
  await target.together([
    plain('begin isolation level read committed read write, not deferrable'),
    ...statements,
    plain('commit'),
  ])
}
