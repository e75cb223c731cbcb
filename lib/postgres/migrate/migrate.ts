import { resolve } from 'node:path'

import type pg from 'pg'

import { SyncError } from '../../domain/errors.js'
import { redact } from '../../domain/redact.js'
import { checkSchemaName } from '../../domain/schema-name.js'
import { quoted } from '../driver/search-path.js'
import { isQuotable, withheldWords } from '../driver/server-words.js'
import { listMigrations, ownMigrations, readNotes, type Migration } from './files.js'
import { takeMigrationLock, type MigrationLock, type MigrationTarget } from './lock.js'
import { runDbmate } from './dbmate.js'
import { makeMonths } from './make-months.js'
import { readVersions, type Place } from './place.js'
import { preparePlace } from './prepare-place.js'
import { findPython, goForwardAgain, takeOverNotes } from './take-over.js'

export interface MigrateOptions {
  /** The database of the analytics table. It must exist: `migrate` never creates it. */
  target: MigrationTarget
  /**
   * The schema for all that is created, the list of migrations included, by its name as it is, without quotes; it is created where it is missing.
   * Tables of ours that are there already, as by a search_path, are adopted. (Default: public, or the first schema of the role's path.)
   */
  schema?: string | undefined
  /** Folder of dbmate migrations. (Default: those of this package.) */
  directory?: string
  /** Stops `migrate` at once: the current migration is rolled back, those before it stay. (Default: none.) */
  signal?: AbortSignal
}

export interface MigrateResult {
  /** Names of the migrations that this call applied, in order. */
  readonly applied: readonly string[]
  /** Always 0: `migrate` throws unless it applied all of them. */
  readonly pending: 0
  /** How many of the folder's migrations had been applied before. */
  readonly alreadyApplied: number
  /**
   * What the release changes for a target that an earlier one has filled, or what changes for those whose tables were taken over from the
   * Python pipeline, a sentence or two each; empty for a new target.
   */
  readonly notes: readonly string[]
}

/**
 * Applies the pending migrations to the target with dbmate and returns their names. Each one is a transaction, unless it says otherwise;
 * `schema_migrations` records those that are applied.
 *
 * Safe to call at every start and from many processes at once: one of them migrates, the others wait for it, without a limit, and find
 * nothing pending. When nothing is pending, it costs one connection and a few milliseconds, and dbmate does not run.
 *
 * Throws MIGRATION_FAILED, with the message of the database where it can quote no value, for a migration that fails; TARGET_FORBIDDEN, with the grant, where the role
 * may not create tables; ABORTED when the signal fires; LOCK_LOST when the connection with the lock breaks; TARGET_POOLED behind a pooler;
 * CONFIG_MISSING when something is pending and the npm package dbmate is not installed; CONFIG_INVALID for a folder without migrations and
 * for TLS options that dbmate does not support; and TARGET_UNREACHABLE, TARGET_AUTH_FAILED, TARGET_TLS_FAILED or TARGET_DATABASE_MISSING.
 *
 * @example
 * const { applied } = await migrate({ target: 'postgres://etl@localhost/analytics' })
 */
export async function migrate({
  target,
  schema,
  directory = ownMigrations(),
  signal,
}: MigrateOptions): Promise<MigrateResult> {
  checkSchemaName(schema)
  const migrations = await listMigrations(directory)
  await using lock = await takeMigrationLock(target, signal)
  const { place, notes: ofPlace } = await preparePlace(lock.client, schema, { directory, migrations })
  const pending = await notApplied(lock.client, place, migrations)
  const alreadyApplied = migrations.length - pending.length
  const python = await findPython(lock.client)
  const isTakenOver = python.isPython && pending.some(({ version }) => version === takeOverVersion)
  const isForward =
    python.isPython && !isTakenOver && migrations.some(({ version }) => version === takeOverVersion)
  const notes = [...ofPlace, ...(isForward ? await goForwardAgain(lock.client, python) : [])]
  if (pending.length === 0) {
    await makeMonths(lock.client, place)
    return { applied: [], pending: 0, alreadyApplied, notes }
  }

  const stop = AbortSignal.any([lock.lost, ...(signal ? [signal] : [])])
  const errorOutput = await runDbmate(lock, {
    directory: resolve(directory),
    schema: place.schema,
    signal: stop,
  })
  if (lock.lost.aborted) throw lockLost(lock)
  const left = await notApplied(lock.client, place, pending)
  const done = pending.filter((migration) => !left.includes(migration))
  const applied = done.map(({ name }) => name)
  if (errorOutput === undefined && left.length === 0) {
    if (isTakenOver) notes.push(...takeOverNotes(python))
    else if (alreadyApplied > 0) notes.push(...(await readNotes(directory, done)))
    await makeMonths(lock.client, place)
    return { applied, pending: 0, alreadyApplied, notes }
  }
  throw signal?.aborted
    ? aborted(signal, applied)
    : failed(lock.client, place, { errorOutput, applied, migration: left[0] })
}

/** Of the migration that creates the table of runs: before it, a table of that name is the Python pipeline's. */
const takeOverVersion = '20261124100300'

async function notApplied(
  client: pg.Client,
  { list }: Place,
  migrations: readonly Migration[],
): Promise<readonly Migration[]> {
  const applied = await readVersions(client, list)
  return applied ? migrations.filter(({ version }) => !applied.has(version)) : migrations
}

function lockLost({ lost }: MigrationLock): SyncError {
  return new SyncError(
    'LOCK_LOST',
    'The connection that held the migration lock was lost, so the migration was stopped.',
    { remedy: 'Run it again.', cause: lost.reason },
  )
}

function aborted(signal: AbortSignal, applied: readonly string[]): SyncError {
  return new SyncError(
    'ABORTED',
    `The migration was stopped; migrations applied before that: ${applied.length}.`,
    { remedy: 'Run it again to apply the others.', details: { applied }, cause: signal.reason },
  )
}

interface Failure {
  readonly errorOutput: string | undefined
  readonly applied: readonly string[]
  /** The first one that is not applied. */
  readonly migration: Migration | undefined
}

function failed(
  client: pg.Client,
  { schema = 'public' }: Place,
  { errorOutput, applied, migration }: Failure,
): SyncError {
  const reason = (errorOutput ?? 'dbmate did not apply it').replace(/^Error: (?:line: .*?: pq: |pq: )?/, '')
  const sqlState = /\(([0-9A-Z]{5})\)$/.exec(reason)?.[1]
  const failure = migration
    ? `The migration ${migration.name} failed`
    : 'dbmate failed after the last migration'
  const { words, remedy: look } = wordsFor(client, reason, sqlState)
  const message = `${failure}: ${words}.`
  const details = { version: migration?.version ?? null, sqlState: sqlState ?? null, applied }
  if (sqlState === '42501') {
    const grant = `grant create on schema ${schema === 'public' ? schema : quoted(schema)} to ${client.escapeIdentifier(client.user ?? '')}`
    const remedy = `Migrate as the role that owns the tables; the first time, have the owner of the database run: ${grant}`
    return new SyncError('TARGET_FORBIDDEN', message, { remedy, details })
  }
  const remedy = `${look} and migrate again; the migrations before it stay applied.`
  return new SyncError('MIGRATION_FAILED', message, { remedy, details })
}

/** What dbmate printed, where it holds nothing but names, and what to do about it. */
function wordsFor(client: pg.Client, reason: string, sqlState: string | undefined) {
  const isShown = sqlState === undefined || sqlState.startsWith('42') || isQuotable(sqlState)
  if (!isShown) {
    const remedy = "Look at the server's log for the words, fix what they name"
    return { words: withheldWords(sqlState), remedy }
  }
  if (sqlState === '0A000' && /view/.test(reason)) {
    const look =
      'Keep the definitions of the views that read the column, which chatwoot-sync doctor names before a take-over, drop them'
    return { words: reason, remedy: look }
  }
  const secrets = typeof client.password === 'string' ? [client.password] : []
  return { words: redact(reason, secrets), remedy: 'Fix what the message names' }
}
