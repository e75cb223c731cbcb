import { once } from 'node:events'

import type { CompiledQuery } from 'kysely'
import type pg from 'pg'

import { withinTime } from '../../domain/abort.js'
import type { SyncError } from '../../domain/errors.js'
import { addressIn, decoded, encodedPasswordIn, parameterIn } from './connection-string.js'
import { configurationError, connectError, type Address } from './driver-error.js'
import { guardPool } from './pool-guard.js'
import { connectGuarded, guardConnected, type Trust } from './wire-guard.js'
import { kyselySession, type KyselyHandle } from './kysely-session.js'
import { pgSession, type PgSessionOptions } from './pg-session.js'
import type { Session, Side } from './session.js'
import { kyselyOver } from './statement.js'

/** A configuration of pg. */
export interface ConnectionConfig extends pg.PoolConfig {
  /**
   * Whether the password may go in clear text to a server that asks for it so, over a connection without TLS to another machine.
   * `?cleartextPassword=allow` in a connection string is the same. (Default: no; the connection fails.)
   */
  cleartextPassword?: 'allow' | undefined
}

/**
 * A database as a caller names it: a connection string, a configuration of pg, a pool of pg, or a Kysely over PostgreSQL.
 * Of a pool or a Kysely, one connection is used and returned.
 */
export type DatabaseHandle = string | ConnectionConfig | pg.Pool | KyselyHandle

export interface ConnectOptions {
  /** Shown in `pg_stat_activity`, where a handle does not name itself. */
  readonly applicationName: string
  /** Milliseconds until a server that does not respond counts as unreachable. */
  readonly connectTimeout: number
  /** Milliseconds after which the server itself ends a statement, so that it should have responded; 0 for no limit. (Default: 0.) */
  readonly statementTimeout?: number
  /** The schema of our tables in the target. (Default: where the search path of the role finds them.) */
  readonly schema?: string | undefined
}

/** Milliseconds without traffic after which the system probes whether the other host is still there. Its own default is two hours. */
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

/** A session that can continue over another connection of its handle. */
export interface ReconnectingSession extends Session {
  /** Ends the transaction; over a new connection where the old one is lost, as after a COPY that was broken off. */
  reconnect(): Promise<void>
}

/** As `openSession`, and throws the same; `reconnect` as well. */
export async function openReconnecting(
  side: Side,
  handle: DatabaseHandle,
  options: ConnectOptions,
): Promise<ReconnectingSession> {
  let current = await openSession(side, handle, options)
  let roundTrips = 0
  const ended: { reason?: unknown; isDestroyed: boolean } = { isDestroyed: false }
  const rows = <Row>(query: CompiledQuery<Row>) => current.rows(query)
  return {
    ...{ side, schema: options.schema },
    get process() {
      return current.process
    },
    get wire() {
      return current.wire
    },
    get lost() {
      return current.lost
    },
    get copy() {
      return current.copy
    },
    encoding: () => current.encoding(),
    roundTrips: () => roundTrips + current.roundTrips(),
    db: kyselyOver(rows),
    rows,
    script: (statements) => current.script(statements),
    together: (queries) => current.together(queries),
    fetch: (query, columns, size) => current.fetch(query, columns, size),
    fill: (table, cells) => current.fill(table, cells),
    reconnect: async () => {
      if (ended.isDestroyed) throw ended.reason
      try {
        if (!current.lost.aborted) {
          await current.script(['rollback'])
          return
        }
      } catch (error) {
        // A connection that was just cut shows it by failing.
        if (!current.lost.aborted) throw error
      }
      const old = current
      await Promise.resolve(old[Symbol.asyncDispose]()).catch(() => undefined)
      roundTrips += old.roundTrips()
      current = await openSession(side, handle, options)
      if (ended.isDestroyed) current.destroy(ended.reason)
    },
    destroy: (reason) => {
      Object.assign(ended, { reason, isDestroyed: true })
      current.destroy(reason)
    },
    [Symbol.asyncDispose]: () => current[Symbol.asyncDispose](),
  }
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
  return addressIn(typeof config === 'string' ? config : (config.connectionString ?? ''))
}

async function connectClient(
  side: Side,
  handle: string | ConnectionConfig,
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
    isPooled: isSessionPooler(given.connectionString),
    ...settingsOf(options),
  })
  try {
    await connectGuarded(client, trustOf(handle))
    return session
  } catch (error) {
    void client.end().catch(() => undefined)
    throw connectFailed(side, error, { client, handle })
  }
}

/**
 * A client that is not connected yet; a host may be an IPv6 address in brackets. Throws CONFIG_INVALID where it cannot read the certificates
 * of its configuration.
 */
export function newClient(Client: typeof pg.Client, side: Side, config: pg.ClientConfig): pg.Client {
  try {
    const host = /^\[(.+)\]$/.exec(config.host ?? '')?.[1]
    return new Client(host === undefined ? config : { ...config, host })
  } catch (error) {
    throw configurationError(side, error)
  }
}

/** The error of a client of this handle that could not connect. */
export function connectFailed(
  side: Side,
  error: unknown,
  { client, handle }: { readonly client: pg.Client; readonly handle: Exclude<DatabaseHandle, KyselyHandle> },
): SyncError {
  const given = typeof handle === 'object' && 'totalCount' in handle ? handle.options : handle
  const text = typeof given === 'string' ? given : given.connectionString
  // pg has put it there, wherever it found one.
  const password: unknown = Reflect.get(client, 'password')
  return connectError(side, error, {
    ...addressOf(handle),
    hasPassword: password !== null && password !== undefined && password !== '',
    sslMode: parameterIn(text ?? '', 'sslmode'),
  })
}

type Settings = Pick<PgSessionOptions, 'responseTimeout' | 'schema'>

/** The driver waits a little longer than what ends a statement on the server. */
function settingsOf({ statementTimeout = 0, connectTimeout, schema }: ConnectOptions): Settings {
  return { responseTimeout: statementTimeout > 0 ? statementTimeout + connectTimeout : 0, schema }
}

async function reserveFromPool(side: Side, pool: pg.Pool, options: ConnectOptions): Promise<Session> {
  guardPool(pool, trustOf(pool))
  try {
    const client = await connectedInTime(pool.connect(), options.connectTimeout, (late) => late.release())
    // The connection is not used again: it carried a lock, a temporary table or a snapshot, and none of these may leak to the caller.
    // Its end is awaited, as the next run may begin at once and the lock goes away with the connection.
    const release = async () => {
      const ended = session.lost.aborted || once(session.lost, 'abort')
      client.release(true)
      await ended
    }
    const isPooled = isSessionPooler(pool.options.connectionString)
    guardConnected(client)
    const session = pgSession(side, client, { release, isPooled, ...settingsOf(options) })
    return session
  } catch (error) {
    throw connectError(side, error, addressOf(pool))
  }
}

async function reserveKysely(side: Side, db: KyselyHandle, options: ConnectOptions): Promise<Session> {
  try {
    return await connectedInTime(reserve(side, db, settingsOf(options)), options.connectTimeout, disposeLate)
  } catch (error) {
    throw connectError(side, error, addressOf(db))
  }
}

/** Rejects when a connection takes too long; if it opens after all, `onLate` receives it. */
async function connectedInTime<T>(
  connecting: Promise<T>,
  milliseconds: number,
  onLate: (connection: T) => void,
): Promise<T> {
  return withinTime(connecting, milliseconds, () => {
    connecting.then(onLate, () => undefined)
    return new Error(`no connection within ${milliseconds} ms`)
  })
}

function disposeLate(session: Session): void {
  session[Symbol.asyncDispose]().then(undefined, () => undefined)
}

/** The connection goes back to the caller, who must find no lock and no table of ours on it. */
function reserve(side: Side, db: KyselyHandle, settings: Settings): Promise<Session> {
  return new Promise((resolve, reject) => {
    const held = db.connection().execute(
      (connection) =>
        new Promise<void>((free) => {
          const release = async () => {
            free()
            await held
          }
          resolve(kyselySession(side, connection, { release, ...settings }))
        }),
    )
    held.catch(reject)
  })
}

/** The password that a handle carries, to keep it out of messages. */
export function passwordOf(handle: DatabaseHandle): string | undefined {
  if (typeof handle === 'object' && 'getExecutor' in handle) return undefined
  const config = typeof handle === 'object' && 'totalCount' in handle ? handle.options : handle
  if (typeof config === 'object' && typeof config.password === 'string') return config.password
  const encoded = encodedPasswordIn(typeof config === 'string' ? config : (config.connectionString ?? ''))
  return encoded === undefined ? undefined : decoded(encoded)
}

/** What a handle allows a server whose login has not succeeded yet. */
export function trustOf(handle: DatabaseHandle): Trust {
  return { allowsCleartext: settingOf(handle, 'cleartextPassword') === 'allow' }
}

/** Whether a handle says in so many words that its connection needs no TLS. */
export function isPlainByChoice(handle: DatabaseHandle): boolean {
  const ssl = settingOf(handle, 'ssl')
  return ssl === false || ssl === '0' || ssl === 'false' || settingOf(handle, 'sslmode') === 'disable'
}

/** What the connection string of a handle says, else its configuration; of a Kysely nothing is known. */
function settingOf(handle: DatabaseHandle, name: string): unknown {
  if (typeof handle === 'object' && 'getExecutor' in handle) return undefined
  const config = typeof handle === 'object' && 'totalCount' in handle ? handle.options : handle
  const text = typeof config === 'string' ? config : config.connectionString
  const said = text?.includes(name) ? parameterIn(text, name) : undefined
  return said ?? (typeof config === 'object' ? Reflect.get(config, name) : undefined)
}

/**
 * Whether a connection string says by `pooler=session` that it leads to a pooler with a server connection of its own for each client.
 * Nothing that a pooler lets through shows in which mode it works.
 */
export function isSessionPooler(connectionString: string | undefined): boolean {
  return /[?&]pooler=session(&|$)/.test(connectionString ?? '')
}
