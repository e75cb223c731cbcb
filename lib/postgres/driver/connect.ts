import { once } from 'node:events'

import type pg from 'pg'

import { configurationError, connectError, type Address } from './driver-error.js'
import { kyselySession, type KyselyHandle } from './kysely-session.js'
import { pgSession } from './pg-session.js'
import { isSessionPooler } from './pooler.js'
import type { Session, Side } from './session.js'
import { orUnreachable } from './response-timeout.js'
import { endWhereUnreadable } from './unreadable.js'

/**
 * A database as a caller names it: a connection string, a configuration of pg, a pool of pg, or a Kysely over PostgreSQL.
 * Of a pool or a Kysely, one connection is used and given back.
 */
export type DatabaseHandle = string | pg.PoolConfig | pg.Pool | KyselyHandle

export interface ConnectOptions {
  /** Shown in `pg_stat_activity`, where a handle does not name itself. */
  readonly applicationName: string
  /** Milliseconds until a server that does not answer counts as unreachable. */
  readonly connectTimeout: number
  /** Milliseconds that the server itself gives a statement, after which it should have answered; 0 for no limit. (Default: 0.) */
  readonly statementTimeout?: number
}

/** Milliseconds of silence after which the system asks whether the other host is still there. Its own default is two hours. */
const keepAliveInitialDelayMillis = 10_000

/**
 * One connection of the handle, held until the session is disposed of.
 * Throws SOURCE_UNREACHABLE, SOURCE_AUTH_FAILED, SOURCE_DATABASE_MISSING, or the same of the target.
 */
export async function openSession(
  side: Side,
  handle: DatabaseHandle,
  options: ConnectOptions,
): Promise<Session> {
  if (typeof handle === 'object' && 'getExecutor' in handle) return reserveKysely(side, handle, options)
  if (typeof handle === 'object' && 'totalCount' in handle) return reserveFromPool(side, handle, options)
  return connectClient(side, handle, options)
}

/** The server and database that a handle names, for messages; of a Kysely nothing is known. */
export function addressOf(handle: DatabaseHandle): Address {
  if (typeof handle === 'object' && 'getExecutor' in handle)
    return { host: 'behind Kysely', port: 0, database: '' }
  const config = typeof handle === 'object' && 'totalCount' in handle ? handle.options : handle
  if (typeof config === 'object' && config.connectionString === undefined) {
    return {
      host: config.host ?? 'localhost',
      port: Number(config.port ?? 5432),
      database: config.database ?? '',
    }
  }
  const url = parseUrl(typeof config === 'string' ? config : (config.connectionString ?? ''))
  return {
    host: decodeURIComponent(url?.hostname ?? '') || 'localhost',
    port: Number(url?.port || 5432),
    database: decodeURIComponent(url?.pathname.slice(1) ?? ''),
  }
}

async function connectClient(
  side: Side,
  handle: string | pg.PoolConfig,
  options: ConnectOptions,
): Promise<Session> {
  const { default: pg } = await import('pg')
  const given = typeof handle === 'string' ? { connectionString: handle } : handle
  const client = newClient(pg.Client, side, {
    application_name: options.applicationName,
    connectionTimeoutMillis: options.connectTimeout,
    keepAlive: true,
    keepAliveInitialDelayMillis,
    ...given,
  })
  // Before connecting: an error that nobody listens to ends the process.
  const session = pgSession(side, client, {
    release: () => client.end(),
    silence: silenceOf(options),
    isPooled: isSessionPooler(given.connectionString),
  })
  try {
    await client.connect()
    endWhereUnreadable(side, client)
    return session
  } catch (error) {
    void client.end().catch(() => undefined)
    throw connectError(side, error, addressOf(handle))
  }
}

/** A client that is not connected yet. Throws CONFIG_INVALID where it cannot read the certificates of its configuration. */
export function newClient(Client: typeof pg.Client, side: Side, config: pg.ClientConfig): pg.Client {
  try {
    return new Client(config)
  } catch (error) {
    throw configurationError(side, error)
  }
}

/** A little longer than what ends a statement on the server. */
const silenceOf = ({ statementTimeout = 0, connectTimeout }: ConnectOptions) =>
  statementTimeout > 0 ? statementTimeout + connectTimeout : 0

async function reserveFromPool(side: Side, pool: pg.Pool, options: ConnectOptions): Promise<Session> {
  try {
    const client = await orUnreachable(pool.connect(), options.connectTimeout, (late) => late.release())
    // The connection is not used again: it carried a lock, a temporary table or a snapshot, and none of these may leak to the caller.
    // Its end is awaited, as the next run may begin at once and the lock goes away with the connection.
    const release = async () => {
      const ended = session.lost.aborted || once(session.lost, 'abort')
      client.release(true)
      await ended
    }
    const isPooled = isSessionPooler(pool.options.connectionString)
    endWhereUnreadable(side, client)
    const session = pgSession(side, client, { release, silence: silenceOf(options), isPooled })
    return session
  } catch (error) {
    throw connectError(side, error, addressOf(pool))
  }
}

async function reserveKysely(side: Side, db: KyselyHandle, options: ConnectOptions): Promise<Session> {
  const reserved = reserve(side, db, silenceOf(options))
  try {
    return await orUnreachable(reserved, options.connectTimeout, disposeLate)
  } catch (error) {
    throw connectError(side, error, addressOf(db))
  }
}

function disposeLate(session: Session): void {
  session[Symbol.asyncDispose]().then(undefined, () => undefined)
}

/** The connection goes back to the caller, who must find no lock and no table of ours on it. */
function reserve(side: Side, db: KyselyHandle, silence: number): Promise<Session> {
  return new Promise((resolve, reject) => {
    const held = db.connection().execute(
      (connection) =>
        new Promise<void>((free) => {
          const release = async () => {
            free()
            await held
          }
          resolve(kyselySession(side, connection, { release, silence }))
        }),
    )
    held.catch(reject)
  })
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}

/** The password that a handle carries, to keep it out of messages. */
export function passwordOf(handle: DatabaseHandle): string | undefined {
  if (typeof handle === 'object' && 'getExecutor' in handle) return undefined
  const config = typeof handle === 'object' && 'totalCount' in handle ? handle.options : handle
  if (typeof config === 'object' && typeof config.password === 'string') return config.password
  const url = parseUrl(typeof config === 'string' ? config : (config.connectionString ?? ''))
  return url?.password ? decodeURIComponent(url.password) : undefined
}
