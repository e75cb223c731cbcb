import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import pg from 'pg'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { startCluster, type Cluster } from '../../bin/demo/cluster.js'
import { migrate, syncConversations, type Retry, type SyncOptions, type SyncReport } from '../../lib/index.js'
import { resolveOptions } from '../../lib/resolve-options.js'
import { openSnapshot } from '../../lib/pipeline/prepare/snapshot.js'
import { openSession } from '../../lib/postgres/driver/connect.js'
import { probeSource } from '../../lib/postgres/source/probe.js'
import { targetServer } from '../setup/database.js'
import { openArena, type Arena } from '../soak/arena.js'
import { primarySettings, standbySettings, startStandby } from '../soak/standby.js'
import { contents, items, keysLost } from '../soak/subject.js'
import { openPool } from '../setup/pool.js'

/** A standby that replays at once what conflicts with its readers. */
const impatient = { max_standby_streaming_delay: '0' }

let primary: Cluster
let standby: Cluster

beforeAll(async () => {
  primary = await startCluster({ settings: { ...primarySettings, autovacuum: 'off' } })
  standby = await startStandby(primary, 0, impatient)
})

afterAll(async () => {
  await standby.stop('immediate')
  await primary.stop('immediate')
})

const patience = { timeout: 120_000, interval: 50 }

async function ask(url: string, text: string): Promise<pg.QueryResult> {
  const client = new pg.Client(url)
  try {
    await client.connect()
    return await client.query(text)
  } finally {
    await client.end()
  }
}

type Sides = Pick<Arena, 'readerUrl' | 'targetUrl'>

const run = ({ readerUrl, targetUrl }: Sides, options: Partial<SyncOptions> = {}): Promise<SyncReport> =>
  syncConversations({
    source: readerUrl,
    target: targetUrl,
    relation: items.custom,
    table: items.table,
    extractor: 'cursor',
    batchSize: 500,
    ...options,
  })

/** A run that stands still at its first write, its read of the source open, while something happens to the servers. */
async function runWhile(
  sides: Sides,
  happens: (blocker: number) => Promise<unknown>,
  options: Partial<SyncOptions> = {},
): Promise<SyncReport> {
  const blocker = new pg.Client(sides.targetUrl)
  blocker.on('error', () => undefined)
  await blocker.connect()
  await blocker.query('begin')
  await blocker.query('lock table soak_items in share mode')
  const { rows } = await blocker.query<{ pid: number }>('select pg_backend_pid() as pid')
  const running = run(sides, options)
  const waiting = `select from pg_locks where not granted and relation = 'soak_items'::regclass`
  const stands = vi.waitFor(async () => expect((await blocker.query(waiting)).rowCount).toBe(1), patience)
  await Promise.race([stands, running])
  await happens(rows[0]?.pid ?? 0)
  await blocker.end()
  return running
}

const warningOf = ({ warnings }: SyncReport) => warnings.find(({ code }) => code === 'RETRIED')?.message

/** Keys of the source, as the runs read it, that the target lacks or has otherwise. */
async function lost({ readerUrl, targetUrl }: Sides): Promise<string[]> {
  const [source, target] = [readerUrl, targetUrl].map((connectionString) =>
    openPool({ connectionString, options: '-c timezone=UTC' }),
  )
  if (!source || !target) throw new Error('There are two.')
  const live = `${items.table} where deleted_at is null`
  try {
    return keysLost(await contents(source, items, items.relation), await contents(target, items, live))
  } finally {
    await Promise.all([source.end(), target.end()])
  }
}

async function openStandbyArena(): Promise<Arena> {
  const arena = await openArena(
    { source: primary.url(), target: targetServer(), standby: standby.url() },
    items,
  )
  await replayed(arena)
  return arena
}

/** Until the standby has what the primary wrote so far. */
async function replayed(arena: Arena): Promise<void> {
  const { rows } = await arena.source.query<{ lsn: string }>(
    'select pg_current_wal_insert_lsn()::text as lsn',
  )
  const reached = `select where pg_last_wal_replay_lsn() >= '${rows[0]?.lsn ?? ''}'::pg_lsn`
  await vi.waitFor(async () => expect((await ask(standby.url(), reached)).rowCount).toBe(1), patience)
}

/** Holds the server in its start until the file `go` is there. */
const hold = (go: string) => `while [ ! -e '${go}' ]; do sleep 0.05; done; exit 1`

it('goes on after a crash of the server, which takes both connections (57P02)', async () => {
  await ask(primary.url(), 'create database crashing')
  const url = primary.url('crashing')
  await migrate({ target: url })
  await ask(
    url,
    `create table items as
      select id, 'first ' || id as payload, now() - interval '30 days' as updated_at
      from generate_series(1, 5000) id;
    create table soak_items (id integer primary key, payload text, updated_at timestamptz, deleted_at timestamptz)`,
  )
  const sides = { readerUrl: url, targetUrl: url }
  const codes: (string | undefined)[] = []
  const bystander = new pg.Client(url)
  bystander.on('error', () => undefined)
  bystander.on('notice', ({ code }) => codes.push(code))
  await bystander.connect()

  // Killed like this, a process of the server leaves the others no choice.
  const report = await runWhile(sides, async (blocker) => process.kill(blocker, 'SIGKILL'))

  // It is said by a warning alone; the connection ends without an error.
  expect(codes).toEqual(['57P02'])
  expect(warningOf(report)).toMatch(/(SOURCE|TARGET)_UNREACHABLE/)
  expect(report.rowsInserted).toBe(5000)
  expect(await run(sides)).toMatchObject({ loadType: 'incremental', rowsInserted: 0, rowsUpdated: 0 })
  expect(await lost(sides)).toEqual([])
})

it('goes on after a standby has ended its read in favour of what it replays (40001)', async () => {
  await using arena = await openStandbyArena()
  const reading = `select from pg_stat_activity
    where application_name = 'chatwoot-sync' and backend_xmin is not null`

  const report = await runWhile(arena, async () => {
    await arena.source.query(`update items set payload = 'newer', updated_at = now() where id > 100`)
    await arena.source.query('vacuum items')
    await vi.waitFor(async () => expect((await ask(standby.url(), reading)).rowCount).toBe(0), patience)
  })

  expect(warningOf(report)).toContain('SOURCE_FAILED (40001)')
  expect(report).toMatchObject({ horizonMode: 'standby', rowsInserted: 5000 })
  // What changed behind the key that the run had reached is left to the next one.
  const left = await lost(arena)
  expect(left.length).toBeGreaterThan(0)
  expect(await run(arena)).toMatchObject({ loadType: 'incremental', rowsUpdated: left.length })
  expect(await lost(arena)).toEqual([])
})

it('waits for a server that is starting up (57P03)', async () => {
  await using arena = await openStandbyArena()
  const { dataDirectory, port } = standby
  const go = join(dataDirectory, 'go')
  let starting: Promise<Cluster> | undefined
  const onRetry = ({ message }: Retry) => {
    if (message.includes('starting up')) void writeFile(go, '')
  }

  const report = await runWhile(
    arena,
    async () => {
      await standby.stop('immediate')
      const settings = { ...standbySettings(primary, 0), ...impatient, restore_command: hold(go) }
      starting = startCluster({ dataDirectory, port, settings })
    },
    { onRetry },
  )

  if (starting) standby = await starting
  expect(warningOf(report)).toContain('SOURCE_UNREACHABLE (57P03)')
  expect(report).toMatchObject({ horizonMode: 'standby', rowsInserted: 5000 })
  expect(await lost(arena)).toEqual([])
  expect(await run(arena)).toMatchObject({ loadType: 'incremental', reason: null })
})

it('takes no snapshot of another server than it has looked at, as behind one address for two', async () => {
  const connection = { applicationName: 'chatwoot-sync', connectTimeout: 10_000 }
  await using one = await openSession('source', primary.url(), connection)
  await using other = await openSession('source', standby.url(), connection)
  const options = resolveOptions({ source: '-', target: '-', relation: items.custom })
  const probe = await probeSource(one)

  await expect(openSnapshot(other, probe, options)).rejects.toMatchObject({ code: 'SOURCE_IDENTITY_CHANGED' })

  expect(await openSnapshot(one, probe, options)).toHaveProperty('snapshot')
})

it('begins anew when the standby that it reads is promoted, and the next run goes on there', async () => {
  await using arena = await openStandbyArena()

  // Under the next snapshot it is a primary with a history of its own.
  const report = await runWhile(arena, () => ask(standby.url(), 'select pg_promote(true, 30)'), {
    maxSnapshotSeconds: 0.001,
  })

  expect(warningOf(report)).toContain('SOURCE_IDENTITY_CHANGED')
  expect(report).toMatchObject({ loadType: 'full', horizonMode: 'primary' })
  expect(await lost(arena)).toEqual([])
  const promoted = standby.url(new URL(arena.sourceUrl).pathname.slice(1))
  await ask(promoted, `update items set payload = 'after', updated_at = now() where id <= 10`)
  expect(await run(arena)).toMatchObject({ loadType: 'incremental', rowsUpdated: 10 })
  expect(await lost(arena)).toEqual([])
})
