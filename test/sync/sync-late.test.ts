import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { expect, it } from 'vitest'

import { differences, insertConversation, openSmallSync, type SyncFixture } from '../fixtures/sync-fixture.js'

/** An open transaction of an application's host that has stamped and updated conversation 1. */
async function beginUpdate({ source }: SyncFixture, status: number): Promise<pg.Client> {
  const writer = new pg.Client(source.url)
  await writer.connect()
  await writer.query('begin')
  await writer.query(
    `update conversations set status = $1, updated_at = now() at time zone 'UTC' where id = 1`,
    [status],
  )
  return writer
}

/** An open transaction whose stamps are of its begin, and which writes only when it is told to, and then ends. */
async function beginLateUpdate({ source }: SyncFixture): Promise<() => Promise<void>> {
  const writer = new pg.Client(source.url)
  await writer.connect()
  await writer.query('begin')
  const { rows } = await writer.query<{ stamp: string }>(`select (now() at time zone 'UTC')::text as stamp`)
  return async () => {
    const text = 'update conversations set priority = 3, updated_at = $1 where id = 1'
    await writer.query(text, [rows[0]?.stamp])
    await writer.query('commit')
    await writer.end()
  }
}

it('finds a transaction that was open across several runs once it commits', async () => {
  await using at = await openSmallSync()
  for (let i = 0; i < 3; i++) await insertConversation(at.source)
  await at.sync({ skewAllowance: 0 })
  const writer = await beginUpdate(at, 1)
  expect(await at.sync({ skewAllowance: 0 })).toMatchObject({ rowsUpdated: 0 })
  expect(await at.sync({ skewAllowance: 0 })).toMatchObject({ rowsUpdated: 0 })

  await writer.query('commit')
  await writer.end()

  const report = await at.sync({ skewAllowance: 0 })
  expect(report).toMatchObject({ loadType: 'incremental', rowsUpdated: 1, marginUsedSeconds: 0 })
  expect(await differences(at)).toEqual([])
  expect(await at.sync({ skewAllowance: 0 })).toMatchObject({ rowsUpdated: 0 })
})

it('finds a transaction that has not written yet when a run looks', async () => {
  await using at = await openSmallSync()
  await insertConversation(at.source)
  await at.sync({ skewAllowance: 0 })
  const write = await beginLateUpdate(at)
  await at.sync({ skewAllowance: 0 })

  await write()

  expect(await at.sync({ skewAllowance: 0 })).toMatchObject({ loadType: 'incremental', rowsUpdated: 1 })
  expect(await differences(at)).toEqual([])
})

/** The source as a handle on which something happens between the look at its open transactions and the snapshot. */
async function lookBehind(url: string, meanwhile: () => Promise<void>) {
  const client = new pg.Client(url)
  client.on('error', () => undefined)
  await client.connect()
  const query = async (text: string, values: unknown[]) => {
    if (text.includes('repeatable read')) await meanwhile()
    return client.query(text, values)
  }
  const connection = { query, release: () => undefined } as unknown as pg.PoolClient
  const pool = { connect: () => Promise.resolve(connection), end: () => client.end() }
  return new Kysely<Record<string, never>>({ dialect: new PostgresDialect({ pool }) })
}

it('finds a transaction that writes and commits just before the snapshot, though nothing is written after it', async () => {
  await using at = await openSmallSync()
  await insertConversation(at.source)
  await at.sync({ skewAllowance: 0 })
  const write = await beginLateUpdate(at)
  await at.sync({ skewAllowance: 0 })
  await using source = await lookBehind(at.source.url, write)

  expect(await at.sync({ source, skewAllowance: 0 })).toMatchObject({ rowsUpdated: 0 })
  expect(await at.sync({ skewAllowance: 0 })).toMatchObject({ loadType: 'incremental', rowsUpdated: 1 })
  expect(await differences(at)).toEqual([])
})

it('finds a stamp that equals the watermark', async () => {
  await using at = await openSmallSync()
  await insertConversation(at.source)
  const { watermarkEnd } = await at.sync({ skewAllowance: 0 })
  await at.source.query('update conversations set status = 2, updated_at = $1 where id = 1', [watermarkEnd])

  expect(await at.sync({ skewAllowance: 0 })).toMatchObject({ loadType: 'incremental', rowsUpdated: 1 })
  expect(await differences(at)).toEqual([])
})

it('finds stamps as late as the clock skew allowed, and says how much of it was used', async () => {
  await using at = await openSmallSync()
  await insertConversation(at.source)
  await at.sync()
  await at.source.query(
    `update conversations set status = 2, updated_at = clock_timestamp() at time zone 'UTC' - interval '40 seconds' where id = 1`,
  )

  const report = await at.sync()

  expect(report).toMatchObject({ rowsUpdated: 1, warnings: [{ code: 'MARGIN_HALF_USED' }] })
  expect(report.marginUsedSeconds).toBeGreaterThan(30)
})

/** As if so many seconds had passed between a time of the last run and now, or were yet to pass. */
const shiftState = ({ target }: SyncFixture, time: 'at' | 'targetAt', seconds: number) =>
  target.query(
    `update etl_control
     set state = jsonb_set(state, array['horizon', $1], to_jsonb((state -> 'horizon' ->> $1)::bigint + $2::bigint))
     where state is not null`,
    [time, seconds * 1_000_000],
  )

it('reads everything while the clock of the source is behind the last run, and says why', async () => {
  await using at = await openSmallSync()
  const id = await insertConversation(at.source)
  await at.sync()
  await shiftState(at, 'at', 3600)
  const stamp = `clock_timestamp() at time zone 'UTC' - interval '50 minutes'`
  await at.source.query(`update conversations set status = 1, updated_at = ${stamp} where id = ${id}`)

  const report = await at.sync()

  expect(report).toMatchObject({ loadType: 'full', rowsUpdated: 1 })
  expect(report.reason).toBe('the clock of the source was set back')
  expect(await at.sync()).toMatchObject({ loadType: 'incremental', reason: null })
  expect(await differences(at)).toEqual([])
})

it('reads as much further back as the clock of the source was set back, though it has caught up again', async () => {
  await using at = await openSmallSync()
  const id = await insertConversation(at.source)
  await at.sync()
  // By the clock of the target ten minutes more have passed since.
  await shiftState(at, 'targetAt', -600)
  const stamp = `clock_timestamp() at time zone 'UTC' - interval '9 minutes'`
  await at.source.query(`update conversations set status = 1, updated_at = ${stamp} where id = ${id}`)

  expect(await at.sync()).toMatchObject({ loadType: 'incremental', rowsUpdated: 1 })

  expect(await differences(at)).toEqual([])
  expect(await at.sync()).toMatchObject({ loadType: 'incremental', rowsUpdated: 0 })
})

it('compares by content, so that a later write with an older stamp arrives', async () => {
  await using at = await openSmallSync()
  const id = await insertConversation(at.source)
  const stamp = (seconds: number) => `clock_timestamp() at time zone 'UTC' - interval '${seconds} seconds'`
  await at.source.query(`update conversations set status = 1, updated_at = ${stamp(0)} where id = ${id}`)
  await at.sync()
  await at.source.query(`update conversations set status = 2, updated_at = ${stamp(20)} where id = ${id}`)

  expect(await at.sync()).toMatchObject({ loadType: 'incremental', rowsUpdated: 1 })
  expect(await differences(at)).toEqual([])
})

it('reads everything when a transaction ends that was open before the first run', async () => {
  await using at = await openSmallSync()
  await insertConversation(at.source)
  const writer = await beginUpdate(at, 1)
  expect(await at.sync()).toMatchObject({ warnings: [{ code: 'HELD_BACK' }] })
  expect(await at.sync()).toMatchObject({ loadType: 'incremental', rowsUpdated: 0 })

  await writer.query('commit')
  await writer.end()

  const report = await at.sync()
  expect(report).toMatchObject({ loadType: 'full', rowsUpdated: 1 })
  expect(report.reason).toContain('open longer than this pipeline has looked')
  expect(await differences(at)).toEqual([])
})
