import { CamelCasePlugin, Kysely, ParseJSONResultsPlugin, PostgresDialect } from 'kysely'
import pg from 'pg'
import { expect, it } from 'vitest'

import type { DatabaseHandle } from '../../lib/postgres/driver/connect.js'
import { syncConversations } from '../../lib/sync.js'
import { differences, openSync, writersOf } from '../fixtures/sync-fixture.js'
import { share } from '../setup/share.js'

interface Handles {
  readonly handle: DatabaseHandle
  /** Throws when a connection is not given back, or not clean. */
  close(): Promise<void>
}

/** What a session keeps that its next user would notice. */
const leftovers = `
  select
    (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())::integer as locks,
    (select count(*) from pg_class where relpersistence = 't' and pg_table_is_visible(oid))::integer as tables,
    (select count(*) from pg_cursors)::integer as cursors,
    current_setting('timezone') as zone,
    current_setting('transaction_read_only') as read_only,
    now() = statement_timestamp() as outside`

const clean = { locks: 0, tables: 0, cursors: 0, zone: 'Asia/Tokyo', read_only: 'off', outside: true }

function poolOf(connectionString: string, max = 1): pg.Pool {
  return new pg.Pool({
    connectionString,
    max,
    options: '-c timezone=Asia/Tokyo',
    connectionTimeoutMillis: 60_000,
  })
}

async function closePool(pool: pg.Pool): Promise<void> {
  expect((await pool.query<Record<string, unknown>>(leftovers)).rows).toEqual([clean])
  expect([pool.waitingCount, pool.totalCount - pool.idleCount]).toEqual([0, 0])
  // Its sockets may still be open when the database is dropped, which tells each of them so.
  pool.on('error', () => undefined)
  await pool.end()
}

const kinds: Record<string, (url: string) => Handles> = {
  'connection string': (url) => ({ handle: url, close: async () => undefined }),
  configuration: (url) => {
    const { hostname, port, username, password, pathname } = new URL(url)
    const address = {
      host: hostname,
      port: Number(port),
      user: username,
      password,
      database: pathname.slice(1),
    }
    return { handle: address, close: async () => undefined }
  },
  pool: (url) => {
    const pool = poolOf(url)
    return { handle: pool, close: () => closePool(pool) }
  },
  Kysely: (url) => {
    const pool = poolOf(url)
    const handle = new Kysely<Record<string, never>>({ dialect: new PostgresDialect({ pool }) })
    return { handle, close: () => closePool(pool) }
  },
  'Kysely with plugins': (url) => {
    const pool = poolOf(url)
    const plugins = [new CamelCasePlugin(), new ParseJSONResultsPlugin()]
    const handle = new Kysely<Record<string, never>>({ dialect: new PostgresDialect({ pool }), plugins })
    return { handle, close: () => closePool(pool) }
  },
}

const chosen = share(['connection string', 'pool', 'Kysely with plugins'], Object.keys(kinds))

it.each(chosen)('gives the same result through a %s', async (kind) => {
  await using at = await openSync()
  await at.source.query('delete from conversations where id > 150')
  const open = kinds[kind]
  if (!open) throw new Error(kind)
  const source = open(at.source.url)
  const target = open(at.target.url)
  const handles = { source: source.handle, target: target.handle }

  expect(await at.sync({ ...handles, dryRun: true })).toMatchObject({ loadType: 'full' })
  const first = await at.sync({ ...handles, batchSize: 100 })
  expect(await differences(at)).toEqual([])
  await at.source.query(
    `update conversations set priority = 3, updated_at = now() at time zone 'UTC' where id < 9`,
  )
  await at.source.query('delete from conversations where id = 12')
  const second = await at.sync(handles)
  expect(second).toMatchObject({ loadType: 'incremental', rowsInserted: 0 })
  expect(second.rowsUpdated).toBeGreaterThan(3)
  const third = await at.sync({ ...handles, loadType: 'full' })

  expect(third).toMatchObject({ rowsExtracted: first.rowsExtracted - 1, rowsUpdated: 0, rowsDeleted: 1 })
  expect(await differences(at)).toEqual([])
  await source.close()
  await target.close()
})

it.each(chosen)('gives a %s back clean after a run that failed or was stopped', async (kind) => {
  await using at = await openSync()
  await at.source.query('delete from conversations where id > 150')
  const open = kinds[kind]
  if (!open) throw new Error(kind)
  const source = open(at.source.url)
  const target = open(at.target.url)
  const handles = { source: source.handle, target: target.handle, batchSize: 50 }
  const stop = new AbortController()
  const onProgress = ({ rowsExtracted }: { rowsExtracted: number }) => rowsExtracted > 100 && stop.abort()
  await expect(at.sync({ ...handles, signal: stop.signal, onProgress })).rejects.toMatchObject({
    code: 'ABORTED',
  })
  await at.source.query('alter table tags rename to gone')
  await expect(at.sync(handles)).rejects.toMatchObject({ code: 'RELATION_MISSING' })
  await at.source.query('alter table gone rename to tags')

  expect((await at.sync(handles)).reason).toContain('resumes')

  expect(await differences(at)).toEqual([])
  await source.close()
  await target.close()
})

it('leaves a pool to its owner while it runs', async () => {
  await using at = await openSync()
  const pool = poolOf(at.target.url, 2)
  const running = at.sync({ target: pool })
  await pool.query('select')
  await running
  expect(await writersOf(at.target)).not.toEqual([])
  await closePool(pool)
})

it('says of a handle that leads nowhere what it is, without its password', async () => {
  await using at = await openSync()
  const nowhere = { host: '127.0.0.1', port: 1, user: 'me', password: 'tr0ub4dor', database: 'x' }
  const pool = new pg.Pool(nowhere)
  const handles = [
    nowhere,
    pool,
    new Kysely<Record<string, never>>({ dialect: new PostgresDialect({ pool }) }),
  ]
  for (const target of handles) {
    const run = syncConversations({ source: at.source.url, target, retryBudget: 0 })
    const message = expect.not.stringContaining('tr0ub4dor')
    await expect(run).rejects.toMatchObject({ code: 'TARGET_UNREACHABLE', message })
  }
  await pool.end()
})
