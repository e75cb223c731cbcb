import { setTimeout as pause } from 'node:timers/promises'

import pg from 'pg'

import { SyncError } from '../../domain/errors.js'
import { connectFailed, isSessionPooler, newClient, trustOf } from '../driver/connect.js'
import { targetPooled } from '../driver/driver-error.js'
import { connectGuarded } from '../driver/wire-guard.js'
import { processOf } from '../driver/pg-session.js'

/** Where to migrate: a connection string, a configuration of pg, or a pool, of which only the configuration is used. */
export type MigrationTarget = string | pg.PoolConfig | pg.Pool

export interface MigrationLock extends AsyncDisposable {
  /** The connection that holds the lock. */
  readonly client: pg.Client
  /** Fires when the connection is lost, and the lock with it. */
  readonly lost: AbortSignal
}

/** An advisory lock belongs to one database, so the name needs nothing to distinguish targets. */
const lockName = 'chatwoot-sync migrate'

/**
 * A dedicated connection that alone may migrate this database, until it is disposed of. Waits for as long as another process migrates.
 * Throws ABORTED when the signal has fired or fires meanwhile, TARGET_POOLED behind a pooler, as the lock belongs to the session, and what
 * `openSession` throws when it cannot connect.
 */
export async function takeMigrationLock(
  target: MigrationTarget,
  signal: AbortSignal | undefined,
): Promise<MigrationLock> {
  if (signal?.aborted) throw stopped(signal.reason)
  const lost = new AbortController()
  const client = newClient(pg.Client, 'target', clientConfig(target))
  client.on('error', (error) => lost.abort(error))
  client.on('end', () => lost.abort())
  try {
    await connectGuarded(client, trustOf(target))
  } catch (error) {
    void client.end().catch(() => undefined)
    throw connectFailed('target', error, { client, handle: target })
  }
  try {
    await disableTimeouts(client)
    const { connectionString } = typeof target === 'string' ? { connectionString: target } : configOf(target)
    await waitForLock(client, isSessionPooler(connectionString) ? undefined : processOf(client), signal)
  } catch (error) {
    await client.end()
    throw error
  }
  return { client, lost: lost.signal, [Symbol.asyncDispose]: () => client.end() }
}

const configOf = (target: pg.PoolConfig | pg.Pool): pg.PoolConfig =>
  'connect' in target ? target.options : target

function clientConfig(target: MigrationTarget): pg.ClientConfig {
  const config = typeof target === 'string' ? { connectionString: target } : target
  if (!('connect' in config)) return { connectionTimeoutMillis: 10_000, ...config }
  // A pool hides its password from enumeration, so a copy would lose it.
  return { connectionTimeoutMillis: 10_000, ...config.options, password: config.options.password }
}

/** The session idles while dbmate runs, however long that takes. Releases before 14 lack one of the settings. */
async function disableTimeouts(client: pg.Client): Promise<void> {
  await client.query(`
    select set_config(name, '0', false)
    from pg_settings
    where name in ('idle_session_timeout', 'statement_timeout')`)
}

/** Polls: a session that waits inside the server would block `create index concurrently` in the one that migrates. */
async function waitForLock(
  client: pg.Client,
  process: string | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  while (!(await tryLock(client, process))) {
    try {
      await pause(100, undefined, signal ? { signal } : {})
    } catch (cause) {
      throw stopped(cause)
    }
  }
}

/** `process` is the process id of the server's end, as the driver knows it. */
async function tryLock(client: pg.Client, process: string | undefined): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean | null }>(
    `
    select
      case
        when pg_backend_pid() = coalesce($2::integer, pg_backend_pid())
        then pg_try_advisory_lock(hashtextextended($1::text, 0))
      end as locked`,
    [lockName, process],
  )
  if (rows[0]?.locked === null) throw targetPooled()
  return rows[0]?.locked === true
}

function stopped(cause: unknown): SyncError {
  return new SyncError('ABORTED', 'The migration was stopped before it began; nothing was applied.', {
    remedy: 'Run it again.',
    cause,
  })
}
