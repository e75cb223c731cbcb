import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'

import pg from 'pg'
import { inject } from 'vitest'

import { hasMonths, migrateWithMonths } from './partitions.js'
import { expectNothingPlanted, readControlRows } from './planted.js'
import { openPool } from './pool.js'

/** A database of one test; disposing it drops it, whoever is still connected. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string
  readonly name: string
  readonly pool: pg.Pool
  /** The rows of one statement. Times and dates come as the server's text, because a Date would lose microseconds. */
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>
}

/** URL of the server that plays the Chatwoot side, as its superuser. */
export const sourceServer = (): string => inject('sourceServer')

/** URL of the server that plays the local side, as its superuser. */
export const targetServer = (): string => inject('targetServer')

/** The databases that test/setup/templates.ts makes. */
export const templates = { source: 'chatwoot_template', target: 'analytics_template' } as const

/** Locks that sessions in this database wait for, and not those in the databases of the tests beside it. */
export const waitingLocks = `
  select
  from pg_locks l
  join pg_stat_activity a on a.pid = l.pid
  where not l.granted
    and a.datname = current_database()`

/** A new database with a random name, a copy of `template` (default: the server's own). */
export async function cloneDatabase(server: 'source' | 'target', template?: string): Promise<TestDatabase> {
  const serverUrl = server === 'source' ? sourceServer() : targetServer()
  const name = `test_${randomBytes(8).toString('hex')}`
  const wanted = template ?? (await defaultTemplate(server))
  const original = isInitial(wanted) ? await emptyTemplate(server) : wanted
  await createDatabase(administrators(serverUrl), name, original)
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  const pool = openTestPool(url.href)
  return {
    url: url.href,
    name,
    pool,
    query: async <Row extends pg.QueryResultRow>(text: string, values?: unknown[]) =>
      (await pool.query<Row>(text, values)).rows,
    [Symbol.asyncDispose]: async () => {
      // A source has no control tables, as nothing may be created there.
      const kept = server === 'target' ? await readControlRows(url.href, pool) : ''
      // Not awaited: a client that a test kept would never end by itself, the drop closes it.
      void pool.end()
      await administrators(serverUrl).query(
        `drop database if exists ${pg.escapeIdentifier(name)} with (force)`,
      )
      expectNothingPlanted(kept, `A control table of ${name}`)
    },
  }
}

const known = new Map<string, Promise<string>>()

/**
 * The name of a template database on the server that `fill` has filled, by the first test of the run that asked for it; `name` has to tell
 * apart everything that it can be filled with.
 */
export function templateOf(
  server: 'source' | 'target',
  name: string,
  fill: (url: string) => Promise<unknown>,
): Promise<string> {
  const key = `${server} ${name}`
  const template = known.get(key) ?? findOrFill(server, name, fill)
  known.set(key, template)
  template.catch(() => known.delete(key))
  return template
}

async function findOrFill(
  server: 'source' | 'target',
  name: string,
  fill: (url: string) => Promise<unknown>,
): Promise<string> {
  const serverUrl = server === 'source' ? sourceServer() : targetServer()
  const template = `template_${inject('run')}_${name}`
  // Its end releases the lock.
  const client = new pg.Client(serverUrl)
  await client.connect()
  try {
    await client.query('select pg_advisory_lock(hashtext($1))', [template])
    const { rowCount } = await client.query('select from pg_database where datname = $1', [template])
    if (rowCount) return template
    const draft = `draft_${inject('run')}_${name}`
    await createDatabase(client, draft, 'template0')
    const url = new URL(serverUrl)
    url.pathname = `/${draft}`
    await fill(url.href)
    await connectOnce(url.href)
    await client.query(`alter database ${draft} with allow_connections false`)
    await client.query(`alter database ${draft} rename to ${template}`)
  } finally {
    await client.end()
  }
  return template
}

/** With TEST_TARGET_TABLE=months, the target's table is partitioned by month. */
async function defaultTemplate(server: 'source' | 'target'): Promise<string> {
  return server === 'target' && hasMonths ? monthsTemplate() : templates[server]
}

/** A migrated and empty target, whose table is partitioned by month. */
export const monthsTemplate = (): Promise<string> => templateOf('target', 'months', migrateWithMonths)

const nothing = () => Promise.resolve()

/** The two databases that every server begins with, of the same content: nobody can connect to one, nobody has to the other. */
const isInitial = (template: string) => template === 'template0' || template === 'template1'

const emptyTemplate = (server: 'source' | 'target') => templateOf(server, 'empty', nothing)

const pools = new Map<string, pg.Pool>()

/** Sessions in which this worker creates and drops databases: a new one each time would take as long as the copy. */
function administrators(serverUrl: string): pg.Pool {
  const pool =
    pools.get(serverUrl) ??
    openPool({ connectionString: serverUrl, idleTimeoutMillis: 0, allowExitOnIdle: true })
  pools.set(serverUrl, pool)
  return pool
}

/**
 * The first session of a database writes down what it has read of the catalog, and each copy has that file: without it the first
 * session of each would spend 20 ms on reading the catalog.
 */
export async function connectOnce(url: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  await client.end()
}

/**
 * Tries again while someone is connected to the template; the server itself waits 5 s each time.
 * Copied file by file, without a log of each page: 34 ms rather than 108 ms for a template of 74 MB.
 */
async function createDatabase(
  client: Pick<pg.Client, 'query'>,
  name: string,
  template: string,
): Promise<void> {
  const identifiers = [name, template].map((each) => pg.escapeIdentifier(each))
  const { rows } = await client.query<{ is_new: boolean }>(
    `select current_setting('server_version_num')::integer >= 150000 as is_new`,
  )
  const statement = `create database ${identifiers.join(' template ')} ${rows[0]?.is_new ? 'strategy file_copy' : ''}`
  for (let attempt = 1; ; attempt++) {
    try {
      await client.query(statement)
      return
    } catch (error) {
      const inUse = error instanceof pg.DatabaseError && error.code === '55006'
      if (!inUse || attempt === 5) throw error
      await delay(100)
    }
  }
}

const timeTypes = new Set<number>([
  pg.types.builtins.DATE,
  pg.types.builtins.TIMESTAMP,
  pg.types.builtins.TIMESTAMPTZ,
])

function openTestPool(connectionString: string): pg.Pool {
  const types: pg.CustomTypesConfig = {
    getTypeParser: (oid, format) =>
      timeTypes.has(oid) && format !== 'binary' ? String : pg.types.getTypeParser(oid, format),
  }
  return openPool({ connectionString, max: 5, types })
}
