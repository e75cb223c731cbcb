import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startCluster, type Cluster } from '../../bin/demo/cluster.js'
import { syncConversations } from '../../lib/index.js'
import { targetServer } from '../setup/database.js'
import { openArena, type Arena, type Servers } from '../soak/arena.js'
import { items } from '../soak/subject.js'
import { openPool } from '../setup/pool.js'
import { preparedData } from '../setup/prepared-data.js'

/** A server of its own: the other databases of a shared one are those of other tests. */
let server: Cluster
let servers: Servers

beforeAll(async () => {
  server = await startCluster({ ...(await preparedData()), settings: { autovacuum: 'off' } })
  servers = { source: server.url(), target: targetServer() }
})

afterAll(() => server.stop('immediate'))

/** A run, and the statements that the source has seen of it. */
async function run({ readerUrl, targetUrl }: Arena) {
  const pool = openPool({ connectionString: readerUrl, max: 1 })
  const seen: string[] = []
  await using source = new Kysely<Record<string, never>>({
    dialect: new PostgresDialect({ pool }),
    log: ({ query }) => void seen.push(query.sql),
  })
  const report = await syncConversations({
    source,
    target: targetUrl,
    relation: items.custom,
    table: items.table,
    skewAllowance: 0,
  })
  return {
    ...report,
    probes: seen.filter((text) => text.includes('pg_locks') && text.includes('pg_stat_activity')).length,
    isRelationRead: seen.some(
      (text) => text.includes('updated_at') && text.includes('from "public"."items"'),
    ),
  }
}

interface Neighbour extends AsyncDisposable {
  readonly client: pg.Client
  /** Ends the transaction. */
  readonly end: () => Promise<unknown>
}

/** Another database of the server, with a transaction that has taken ids there. */
const neighbours: Readonly<Record<string, (arena: Arena) => Promise<Neighbour>>> = {
  open: async (arena) => {
    const neighbour = await openElsewhere(arena)
    return { ...neighbour, end: () => neighbour.client.query('commit') }
  },
  prepared: async (arena) => prepare(await openElsewhere(arena)),
  'prepared without a lock': async (arena) =>
    prepare(await openElsewhere(arena, 'select pg_current_xact_id()')),
}

async function prepare(neighbour: Awaited<ReturnType<typeof openElsewhere>>): Promise<Neighbour> {
  const { client, name } = neighbour
  await client.query(`prepare transaction '${name}'`)
  return { ...neighbour, end: () => client.query(`commit prepared '${name}'`) }
}

const write = 'create table mine (id integer); savepoint one; insert into mine values (1)'

async function openElsewhere({ source }: Arena, work = write) {
  const { rows } = await source.query<{ name: string }>(`select current_database() || '_other' as name`)
  const name = rows[0]?.name ?? ''
  await source.query(`create database ${name} template template0`)
  const client = new pg.Client(server.url(name))
  await client.connect()
  await client.query(`begin; ${work}`)
  return { name, client, [Symbol.asyncDispose]: () => client.end() }
}

const changeOne = ({ source }: Arena) =>
  source.query(`update items set payload = 'changed', updated_at = now() where id = 1`)

describe.each(Object.entries(neighbours))(
  'a transaction of another database that is %s',
  (_, openTransaction) => {
    it('is not waited for by the first run', async () => {
      await using arena = await openArena(servers, items)
      await using _neighbour = await openTransaction(arena)

      expect(await run(arena)).toMatchObject({ loadType: 'full', warnings: [], probes: 1 })
    })

    it('holds no run back, and makes none read more', async () => {
      await using arena = await openArena(servers, items)
      await using _neighbour = await openTransaction(arena)
      const first = await run(arena)
      await changeOne(arena)

      const second = await run(arena)

      const isOrdinary = {
        loadType: 'incremental',
        reason: null,
        warnings: [],
        rowsExtracted: 1,
        rowsUpdated: 1,
      }
      expect(second).toMatchObject({ ...isOrdinary, watermarkStart: first.watermarkEnd })
    })

    it('ends without making a run read more', async () => {
      await using arena = await openArena(servers, items)
      await using neighbour = await openTransaction(arena)
      await run(arena)
      const second = await run(arena)
      await neighbour.end()
      await changeOne(arena)

      const third = await run(arena)

      const isOrdinary = {
        loadType: 'incremental',
        reason: null,
        warnings: [],
        rowsExtracted: 1,
        rowsUpdated: 1,
      }
      expect(third).toMatchObject({ ...isOrdinary, watermarkStart: second.watermarkEnd })
    })

    it('lets a run see that nothing was written, before and after its end', async () => {
      await using arena = await openArena(servers, items)
      await using neighbour = await openTransaction(arena)
      await run(arena)
      expect(await run(arena)).toMatchObject({ rowsExtracted: 0, isRelationRead: false })

      await neighbour.end()

      expect(await run(arena)).toMatchObject({ rowsExtracted: 0, isRelationRead: false })
      await changeOne(arena)
      expect(await run(arena)).toMatchObject({ rowsExtracted: 1, isRelationRead: true })
    })
  },
)

it('waits at first for a prepared transaction of its own database, and finds it once it is committed', async () => {
  await using arena = await openArena(servers, items)
  await arena.source.query(
    `begin; update items set payload = 'p', updated_at = now() where id = 1; prepare transaction 'own'`,
  )
  const first = await run(arena)
  expect(first.probes).toBeGreaterThan(2)
  expect(first).toMatchObject({ warnings: [{ code: 'HELD_BACK' }] })

  await arena.source.query(`commit prepared 'own'`)

  expect(await run(arena)).toMatchObject({ loadType: 'full', rowsUpdated: 1 })
})

/**
 * A client that has asked for a database and does not send its password: the server has begun a transaction for it, in which nothing can be
 * written, and knows no database of it yet.
 */
async function openLogin(database: string): Promise<Socket> {
  const { port, username } = new URL(server.url())
  const socket = connect(Number(port), '127.0.0.1')
  await once(socket, 'connect')
  const parameters = Buffer.from(`user\0${username}\0database\0${database}\0\0`)
  const head = Buffer.alloc(8)
  head.writeInt32BE(8 + parameters.length, 0)
  head.writeInt32BE(3 << 16, 4)
  socket.write(Buffer.concat([head, parameters]))
  await once(socket, 'data')
  return socket
}

it('is not held back by a client that is still logging in, to whichever database', async () => {
  await using arena = await openArena(servers, items)
  const { rows } = await arena.source.query<{ name: string }>('select current_database() as name')
  const sockets = await Promise.all(['postgres', rows[0]?.name ?? ''].map((name) => openLogin(name)))
  try {
    expect(await run(arena)).toMatchObject({ loadType: 'full', warnings: [], probes: 1 })
    await changeOne(arena)
    expect(await run(arena)).toMatchObject({ loadType: 'incremental', warnings: [], rowsExtracted: 1 })
  } finally {
    for (const socket of sockets) socket.destroy()
  }
})
