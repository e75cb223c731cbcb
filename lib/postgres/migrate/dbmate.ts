import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

import type pg from 'pg'

import { SyncError } from '../../domain/errors.js'
import { quoted } from '../driver/search-path.js'
import type { MigrationLock } from './lock.js'
import { sharedList } from './place.js'
import { startupOptions } from './startup-options.js'
import { migrationUrl } from './url.js'

/**
 * Applies what is pending in `directory` to the database of the lock with the dbmate binary. Returns the error output of dbmate, or undefined
 * when it succeeded; which versions were applied, only the table shows.
 *
 * When the signal fires, dbmate and its session on the server are ended before this returns, so that the current transaction is rolled back
 * while the caller still holds the lock. Throws CONFIG_MISSING when dbmate is not installed.
 */
export async function runDbmate(
  { client, lost }: MigrationLock,
  { directory, schema, signal }: DbmateOptions,
): Promise<string | undefined> {
  const binary = await dbmateBinary()
  const applicationName = `chatwoot-sync migrate ${randomUUID()}`
  const folder = await mkdtemp(join(tmpdir(), 'chatwoot-sync-'))
  try {
    const options = await startupOptions(client)
    // A pooler rejects options: the path has to lead to the schema without them.
    if (schema !== undefined && options === '') await requirePath(client, schema)
    const path = options === '' ? undefined : schema
    const url = await migrationUrl(client, { applicationName, folder, options, schema: path })
    const table = schema === undefined ? sharedList : 'schema_migrations'
    const errorOutput = await spawnDbmate({ binary, directory, table, url, folder, signal })
    if (signal.aborted && !lost.aborted) await endSession(client, applicationName)
    return errorOutput
  } finally {
    await rm(folder, { recursive: true })
  }
}

interface DbmateOptions {
  readonly directory: string
  /** For the tables and for the list; undefined for the path of the role, and the shared list. */
  readonly schema: string | undefined
  readonly signal: AbortSignal
}

async function requirePath(client: pg.Client, schema: string): Promise<void> {
  // The path with which the session of dbmate will begin, whatever this one has set since.
  await client.query('begin; set local search_path to default')
  const { rows } = await client.query('select 1 where current_schema() = $1::text', [schema])
  await client.query('rollback')
  if (rows.length > 0) return
  throw new SyncError('TARGET_POOLED', 'Migrating a schema of its own is not possible through this pooler.', {
    remedy: `Migrate over the server's own address, or have the owner run: alter role ${quoted(client.user ?? '')} set search_path = ${quoted(schema)}`,
    details: { schema },
  })
}

async function dbmateBinary(): Promise<string> {
  try {
    // A bundler would take its program for code.
    const { resolveBinary } = await import(/* webpackIgnore: true */ /* turbopackIgnore: true */ 'dbmate')
    return resolveBinary()
  } catch (cause) {
    throw notInstalled(cause)
  }
}

function notInstalled(cause: unknown): SyncError {
  const platform = `${process.platform}-${process.arch}`
  return new SyncError('CONFIG_MISSING', `The migration tool dbmate cannot be run here (${platform}).`, {
    remedy:
      'Install the npm package dbmate without --omit=optional, or apply db/migrations with another dbmate.',
    details: { platform },
    cause,
  })
}

interface DbmateCall {
  readonly binary: string
  readonly directory: string
  /** The list of versions: without a schema it is in the first one of the session's path. */
  readonly table: string
  readonly url: string
  readonly folder: string
  readonly signal: AbortSignal
}

/**
 * `migrate`, not `up`, which would create the database. Not `--strict`: the table may hold later versions of another application, and a
 * migration that was merged late has to be applied all the same. The URL is passed in the environment, because every user of the machine can
 * read the arguments; the empty working folder keeps a `.env` of the caller away from dbmate.
 */
function spawnDbmate({
  binary,
  directory,
  table,
  url,
  folder,
  signal,
}: DbmateCall): Promise<string | undefined> {
  const options = ['--migrations-dir', directory, '--migrations-table', table, '--no-dump-schema']
  const settings = { cwd: folder, env: { DATABASE_URL: url }, signal, maxBuffer: 16 * 1024 * 1024 }
  return new Promise((resolve, reject) => {
    execFile(binary, [...options, 'migrate'], settings, (error, _stdout, stderr) => {
      if (!error) resolve(undefined)
      else if (signal.aborted || typeof error.code === 'number' || error.signal)
        resolve(stderr.trim() || error.message)
      else reject(notInstalled(error))
    })
  })
}

/** Waits until it has ended: a session whose client died continues its statement, and would meet the next process that migrates. */
async function endSession(client: pg.Client, applicationName: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const { rowCount } = await client.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1::text',
      [applicationName],
    )
    if (rowCount === 0) return
    await pause(50)
  }
}
