import { sql } from 'kysely'

import { SyncError } from '../../domain/errors.js'
import { migrateCommand } from '../../domain/migrate-command.js'
import { ownFunction, ownRelation, qualified, type TableName } from '../driver/search-path.js'
import type { Session } from '../driver/session.js'
import { compile, controlName } from '../driver/statement.js'
import { tryLock } from './session-lock.js'

/** A row of `etl_partitioning`. Names of tables are as SQL writes them, times are texts. */
export interface Partitioning {
  readonly monthsAhead: number
  readonly hasDateChecks: boolean
  readonly isTimeRequired: boolean
  readonly partitionedAt: string | null
  /** What is being built beside the table. */
  readonly building: 'months' | 'plain' | null
  readonly beforeName: string | null
}

/** Throws TARGET_NOT_MIGRATED where the tables for it are not there yet. */
export async function requirePartitioningTables(target: Session): Promise<void> {
  if (await hasPartitioningTables(target)) return
  throw new SyncError('TARGET_NOT_MIGRATED', 'The target has no table etl_partitioning.', {
    remedy: `Run ${migrateCommand(target.schema)}.`,
  })
}

async function hasPartitioningTables(target: Session): Promise<boolean> {
  const [row] = await target.rows(
    compile(
      sql<{ found: boolean }>`select ${ownRelation(sql`'etl_partitioning'::text`)} is not null as found`,
    ),
  )
  return row?.found === true
}

/**
 * Makes this connection the only one that rebuilds the table, for as long as it lives. Throws LOCKED when another one holds the lock, and
 * TARGET_POOLED, without having taken it, behind a pooler. Runs have a lock of their own.
 */
export async function takeRebuildLock(target: Session, table: TableName): Promise<void> {
  if (await tryLock(target, `chatwoot-sync partition ${qualified(table)}`)) return
  throw new SyncError('LOCKED', `Another process is rebuilding the table ${table.name}.`, {
    remedy: 'Wait until it has ended.',
    details: { table: table.name },
  })
}

export async function readPartitioning({ db }: Session, table: TableName): Promise<Partitioning | undefined> {
  const row = await db
    .selectFrom('etl_partitioning')
    .select([
      'months_ahead',
      'has_date_checks',
      'is_time_required',
      sql<string | null>`partitioned_at::text`.as('partitioned_at'),
      'building',
      'before_name',
    ])
    .where('table_name', '=', qualified(table))
    .executeTakeFirst()
  return (
    row && {
      monthsAhead: row.months_ahead,
      hasDateChecks: row.has_date_checks,
      isTimeRequired: row.is_time_required,
      partitionedAt: row.partitioned_at,
      building: row.building === 'months' || row.building === 'plain' ? row.building : null,
      beforeName: row.before_name,
    }
  )
}

/** What is known when a rebuilding begins. */
export interface Begun {
  readonly building: 'months' | 'plain'
  readonly copy: TableName
  readonly monthsAhead: number
  readonly hasDateChecks: boolean
  /** Of a table by month as it was before; undefined where that is known already. */
  readonly isTimeRequired: boolean | undefined
}

/** In the transaction that creates the copy. */
export async function recordBegun({ db }: Session, table: TableName, begun: Begun): Promise<void> {
  const { isTimeRequired } = begun
  const columns = {
    building: begun.building,
    copy_name: qualified(begun.copy),
    begun_at: sql<string>`clock_timestamp()`,
    months_ahead: begun.monthsAhead,
    has_date_checks: begun.hasDateChecks,
    ...(isTimeRequired === undefined ? {} : { is_time_required: isTimeRequired }),
  }
  await db
    .insertInto('etl_partitioning')
    .values({ table_name: qualified(table), ...columns })
    .onConflict((conflict) => conflict.column('table_name').doUpdateSet(columns))
    .execute()
}

export async function setMonthsAhead({ db }: Session, table: TableName, monthsAhead: number): Promise<void> {
  await db
    .updateTable('etl_partitioning')
    .set({ months_ahead: monthsAhead })
    .where('table_name', '=', qualified(table))
    .execute()
}

/** Forgets a rebuilding that is not to go on. */
export async function recordCancelled({ db }: Session, table: TableName): Promise<void> {
  const name = qualified(table)
  await db
    .updateTable('etl_partitioning')
    .set({ building: null, copy_name: null, begun_at: null })
    .where('table_name', '=', name)
    .execute()
  await db.deleteFrom('etl_partition_months').where('table_name', '=', name).execute()
  await db.deleteFrom('etl_partition_changes').where('table_name', '=', name).execute()
  await deleteIfSettled(db, name)
}

/** Forgets the table of before, which is dropped. */
export async function recordDropped({ db }: Session, table: TableName): Promise<void> {
  const name = qualified(table)
  await db
    .updateTable('etl_partitioning')
    .set({ before_name: null, before_at: null })
    .where('table_name', '=', name)
    .execute()
  await deleteIfSettled(db, name)
}

/** An ordinary table beside which nothing is left. */
async function deleteIfSettled(db: Session['db'], name: string): Promise<void> {
  await db
    .deleteFrom('etl_partitioning')
    .where('table_name', '=', name)
    .where('partitioned_at', 'is', null)
    .where('before_name', 'is', null)
    .where('building', 'is', null)
    .execute()
}

/** The months that the copy has, with the rows that were copied. */
export async function readCopiedMonths(
  { db }: Session,
  table: TableName,
): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .selectFrom('etl_partition_months')
    .select(['month', sql<string>`rows::text`.as('rows')])
    .where('table_name', '=', qualified(table))
    .execute()
  return new Map(rows.map(({ month, rows: count }) => [month, Number(count)]))
}

/** In the transaction that copies the month. */
export async function recordMonth(
  { db }: Session,
  table: TableName,
  { month, rows }: { readonly month: string; readonly rows: string },
): Promise<void> {
  await db
    .insertInto('etl_partition_months')
    .values({ table_name: qualified(table), month, rows })
    .execute()
}

/** Names of other tables that hold rows of this one: as it was before it was rebuilt, and what is being built. None before `migrate`. */
export async function findCopies(target: Session, table: TableName): Promise<readonly string[]> {
  if (!(await hasPartitioningTables(target))) return []
  const row = await target.db
    .selectFrom('etl_partitioning')
    .select(['before_name', 'copy_name'])
    .where('table_name', '=', qualified(table))
    .executeTakeFirst()
  const names = [row?.before_name, row?.copy_name].flatMap((name) => name ?? [])
  const found = await target.rows(
    compile(sql<{ name: string }>`
      select wanted.name
      from json_array_elements_text(${JSON.stringify(names)}::json) wanted (name)
      where to_regclass(wanted.name) is not null`),
  )
  return found.map(({ name }) => name)
}

/** Every pipeline that has run. */
export async function readPipelines({ db }: Session): Promise<readonly string[]> {
  const rows = await db.selectFrom('etl_control').select('pipeline').distinct().orderBy('pipeline').execute()
  return rows.map(({ pipeline }) => pipeline)
}

/** Adds the months ahead to the tables that `partition` has partitioned; none before `migrate` has created the function. */
export async function makeMonths(target: Session): Promise<void> {
  const [row] = await target.rows(
    compile(sql<{ found: boolean }>`
      select exists (
        select 1
        from ${ownFunction('etl_make_months')}
      ) as found`),
  )
  if (row?.found !== true) return
  await target.rows(compile(sql`select ${controlName('etl_make_months')}() as made`))
}
