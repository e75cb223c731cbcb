import { setTimeout as wait } from 'node:timers/promises'

import pg from 'pg'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { startCluster, type Cluster } from '../../bin/demo/cluster.js'
import { syncConversations, type SyncReport } from '../../lib/index.js'
import { targetServer } from '../setup/database.js'
import { openArena, type Arena, type Servers } from '../soak/arena.js'
import { play } from '../soak/play.js'
import { scenarios } from '../soak/scenarios.js'
import { primarySettings, startStandby } from '../soak/standby.js'
import { contents, items, keysLost } from '../soak/subject.js'

let primary: Cluster
let standby: Cluster
let servers: Servers

beforeAll(async () => {
  primary = await startCluster({ settings: primarySettings })
  standby = await startStandby(primary, 800)
  servers = { source: primary.url(), target: targetServer(), standby: standby.url() }
})

afterAll(async () => {
  await standby.stop('immediate')
  await primary.stop('immediate')
})

const run = ({ readerUrl, targetUrl }: Arena): Promise<SyncReport> =>
  syncConversations({ source: readerUrl, target: targetUrl, relation: items.custom, table: items.table })

/** Until the standby knows the arena's source. */
async function untilReplayed({ source, readerUrl }: Arena): Promise<void> {
  const { rows } = await source.query<{ truth: string }>(
    'select md5(string_agg(i::text, $1 order by id)) as truth from items i',
    [','],
  )
  await vi.waitFor(
    async () => {
      const client = new pg.Client(readerUrl)
      try {
        await client.connect()
        expect(
          (await client.query(`select md5(string_agg(i::text, ',' order by id)) as truth from items i`)).rows,
        ).toEqual(rows)
      } finally {
        await client.end()
      }
    },
    { timeout: 120_000, interval: 100 },
  )
}

async function lost({ source, target }: Arena): Promise<string[]> {
  return keysLost(await contents(source, items, items.relation), await contents(target, items, items.table))
}

it('loses nothing of a standby that lags', async () => {
  const scenario = scenarios.find(({ name }) => name === 'standby')
  if (!scenario) throw new Error('There is no scenario standby.')

  const outcome = await play(scenario, 1, 3000, servers)

  expect(outcome).toMatchObject({ lostOurs: 0, leftOurs: 0, fullRuns: 0 })
  expect(outcome.rowsChanged).toBeGreaterThan(0)
})

it('reads what it can see, and says that it was a standby', async () => {
  await using arena = await openArena(servers, items)
  await untilReplayed(arena)
  expect(await run(arena)).toMatchObject({ loadType: 'full', horizonMode: 'standby' })
  await arena.source.query(`update items set payload = 'changed', updated_at = now() where id <= 10`)

  // The change is not there yet, and once it is, its stamp lies before the last run.
  expect(await run(arena)).toMatchObject({ loadType: 'incremental', horizonMode: 'standby', rowsUpdated: 0 })
  await untilReplayed(arena)

  expect(await run(arena)).toMatchObject({ loadType: 'incremental', rowsUpdated: 10, warnings: [] })
  expect(await lost(arena)).toEqual([])
})

it('reads over several connections under one snapshot of the standby', async () => {
  await using arena = await openArena(servers, items)
  await untilReplayed(arena)
  const options = { source: arena.readerUrl, target: arena.targetUrl, relation: items.custom }
  const report = await syncConversations({ ...options, table: items.table, parallel: 3, batchSize: 500 })
  expect(report).toMatchObject({ loadType: 'full', horizonMode: 'standby', warnings: [] })
  expect(await lost(arena)).toEqual([])
})

it('finds a transaction that was open on the primary once it ends, though no other has begun meanwhile', async () => {
  await using arena = await openArena(servers, items)
  await untilReplayed(arena)
  await run(arena)
  const writer = await arena.source.connect()
  await writer.query(`begin; update items set payload = 'changed', updated_at = now() where id <= 3`)
  await arena.source.query(`update items set payload = 'changed', updated_at = now() where id = 20`)
  await untilReplayed(arena)
  expect(await run(arena)).toMatchObject({ rowsUpdated: 1 })

  await writer.query('commit')
  writer.release()
  await untilReplayed(arena)

  expect(await run(arena)).toMatchObject({ loadType: 'incremental', rowsUpdated: 3 })
  expect(await lost(arena)).toEqual([])
})

it('says that a transaction of another database of the primary holds it back', async () => {
  await using arena = await openArena(servers, items)
  await untilReplayed(arena)
  const skewAllowance = 1
  const options = { source: arena.readerUrl, target: arena.targetUrl, skewAllowance }
  const sync = () => syncConversations({ ...options, relation: items.custom, table: items.table })
  await sync()
  const neighbour = new pg.Client(primary.url())
  await neighbour.connect()
  await neighbour.query('begin; select pg_current_xact_id()')
  const change = async () => {
    await arena.source.query(`update items set payload = payload || '!', updated_at = now() where id = 20`)
    await untilReplayed(arena)
  }
  await change()
  await sync()
  await wait(50)
  await change()

  const held = await sync()

  expect(held.warnings).toEqual([
    {
      code: 'HELD_BACK',
      message: expect.stringMatching(
        /^A transaction on the primary of the source, in any of its databases, has been open since at least .* UTC; until it ends, each run reads again what changed since it began\.$/,
      ),
    },
  ])
  await neighbour.end()
  await change()
  await sync()
  expect(await sync()).toMatchObject({ warnings: [] })
})

it('reads everything after a change between primary and standby', async () => {
  await using arena = await openArena(servers, items)
  await untilReplayed(arena)
  await run(arena)

  const ofPrimary = await run({ ...arena, readerUrl: arena.sourceUrl })

  expect(ofPrimary).toMatchObject({ loadType: 'full', horizonMode: 'primary' })
  expect(ofPrimary.reason).toBe('the source was a standby and is a primary')
})

it('reads everything after the standby was promoted', async () => {
  await using arena = await openArena(servers, items)
  await untilReplayed(arena)
  await run(arena)
  const client = new pg.Client(standby.url())
  await client.connect()
  await client.query('select pg_promote(true, 30)')
  while ((await client.query('select where pg_is_in_recovery()')).rowCount !== 0) await wait(20)
  await client.query('select 1')
  await client.end()

  const report = await run(arena)

  expect(report).toMatchObject({ loadType: 'full', horizonMode: 'primary', rowsUpdated: 0 })
  expect(report.reason).toBe('the source was restored or failed over')
  expect(await run(arena)).toMatchObject({ loadType: 'incremental', reason: null })
})
