import { resolve } from 'node:path'

import type pg from 'pg'

import { SyncError } from '../../domain/errors.js'
import { redact } from '../../domain/redact.js'
import { listMigrations, ownMigrations, type Migration } from './files.js'
import { takeMigrationLock, type MigrationLock, type MigrationTarget } from './lock.js'
import { migrationsTable, runDbmate } from './dbmate.js'

export interface MigrateOptions {
  /** The database that holds, or shall hold, the analytics table. It must exist; it is never created. */
  target: MigrationTarget
  /** Folder of dbmate migrations. Default: the ones of this package. */
  directory?: string
  /** Stops the waiting and the work; the migration in work is rolled back, those before it stay. */
  signal?: AbortSignal
}

export interface MigrateResult {
  /** Names of the migrations that this call applied, in order. */
  readonly applied: readonly string[]
  /** Nothing is left to do, or it would have thrown. */
  readonly pending: 0
  /** How many of the folder's migrations had been applied before. */
  readonly alreadyApplied: number
}

/**
 * Brings the target's schema up to date and says what it applied, as `schema_migrations` shows it.
 *
 * Safe to call at every start and from many processes at once: one works, the others wait and find nothing left. When nothing is
 * pending, it costs one connection and a few milliseconds. Throws MIGRATION_FAILED, TARGET_FORBIDDEN, ABORTED, LOCK_LOST, and
 * CONFIG_MISSING when the npm package dbmate is not installed.
 *
 * @example const { applied } = await migrate({ target: 'postgres://etl@localhost/analytics' })
 */
export async function migrate({
  target,
  directory = ownMigrations,
  signal,
}: MigrateOptions): Promise<MigrateResult> {
  const migrations = await listMigrations(directory)
  await using lock = await takeMigrationLock(target, signal)
  const pending = await notApplied(lock.client, migrations)
  const alreadyApplied = migrations.length - pending.length
  if (pending.length === 0) return { applied: [], pending: 0, alreadyApplied }

  const stop = AbortSignal.any([lock.lost, ...(signal ? [signal] : [])])
  const complaint = await runDbmate(lock, resolve(directory), stop)
  if (lock.lost.aborted) throw lockLost(lock)
  const left = await notApplied(lock.client, pending)
  const applied = pending.filter((migration) => !left.includes(migration)).map(({ name }) => name)
  if (complaint === undefined && left.length === 0) return { applied, pending: 0, alreadyApplied }
  throw signal?.aborted ? aborted(signal, applied) : failed(lock.client, complaint, applied, left[0])
}

async function notApplied(
  client: pg.Client,
  migrations: readonly Migration[],
): Promise<readonly Migration[]> {
  const { rows: tables } = await client.query('select where to_regclass($1::text) is not null', [
    migrationsTable,
  ])
  if (tables.length === 0) return migrations
  const { rows } = await client.query<{ version: string }>(`select version from ${migrationsTable}`)
  const applied = new Set(rows.map(({ version }) => version))
  return migrations.filter(({ version }) => !applied.has(version))
}

function lockLost({ lost }: MigrationLock): SyncError {
  return new SyncError(
    'LOCK_LOST',
    'The connection that held the migration lock broke, so migrating was stopped.',
    {
      remedy: 'Run it again.',
      cause: lost.reason,
    },
  )
}

function aborted(signal: AbortSignal, applied: readonly string[]): SyncError {
  return new SyncError(
    'ABORTED',
    `Migrating was stopped; migrations applied before that: ${applied.length}.`,
    {
      remedy: 'Run it again to go on.',
      details: { applied },
      cause: signal.reason,
    },
  )
}

function failed(
  client: pg.Client,
  complaint: string | undefined,
  applied: readonly string[],
  migration: Migration | undefined,
): SyncError {
  const said = (complaint ?? 'dbmate left it out').replace(/^Error: (?:line: .*?: pq: |pq: )?/, '')
  const sqlState = /\(([0-9A-Z]{5})\)$/.exec(said)?.[1]
  const secrets = typeof client.password === 'string' ? [client.password] : []
  const message = `Migrating failed at ${migration?.name ?? 'the end'}: ${redact(said, secrets)}.`
  const details = { version: migration?.version ?? null, sqlState: sqlState ?? null, applied }
  if (sqlState === '42501') {
    const grant = `grant create on schema public to ${client.escapeIdentifier(client.user ?? '')}`
    const remedy = `Migrate as the role that owns the tables; for the first time, let the owner of the database run: ${grant}.`
    return new SyncError('TARGET_FORBIDDEN', message, { remedy, details })
  }
  const remedy = 'Mend what it names and migrate again; the migrations before it stay applied.'
  return new SyncError('MIGRATION_FAILED', message, { remedy, details })
}
