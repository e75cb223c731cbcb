import pg from 'pg'
import { expect, it } from 'vitest'

import type { SyncOptions } from '../../lib/options.js'
import { verifyConversations } from '../../lib/operations/verify/verify.js'
import {
  differences,
  insert,
  insertConversation,
  insertMessage,
  openSmallSync,
  type SyncFixture,
} from '../fixtures/sync-fixture.js'

const now = `clock_timestamp() at time zone 'UTC'`

/** A run of a schedule, which scans as rarely as it may. */
const rare = {
  triggeredBy: 'scheduler',
  skewAllowance: 0,
  scanShare: 0,
} as const satisfies Partial<SyncOptions>

/** Two conversations that are in the target. */
async function openTwo(): Promise<SyncFixture> {
  const at = await openSmallSync()
  for (let count = 0; count < 2; count++) await insertMessage(at.source, await insertConversation(at.source))
  await at.sync()
  return at
}

/** What no other feed shows than the one of a column without an index. */
const touch = ({ source }: SyncFixture, id: number, priority = 2) =>
  source.query(`update conversations set priority = ${priority}, updated_at = ${now} where id = ${id}`)

const write = ({ source }: SyncFixture) => source.query('select pg_current_xact_id()')

const watermark = async ({ target }: SyncFixture) => {
  const [row] = await target.query<{ at: string }>(`select get_last_successful_watermark()::text as at`)
  return row?.at
}

it('leaves what only a scan shows to the next run that scans, however many come between', async () => {
  await using at = await openTwo()
  await touch(at, 1)
  for (let run = 0; run < 3; run++) {
    await touch(at, 2, run)
    expect(await at.sync(rare)).toMatchObject({ loadType: 'incremental', rowsExtracted: 0 })
  }
  expect(await at.sync({ ...rare, scanEvery: 0 })).toMatchObject({ rowsUpdated: 2 })
  expect(await differences(at)).toEqual([])
})

it('says through when everything has arrived, and through when all but that', async () => {
  await using at = await openTwo()
  const first = await at.sync({ ...rare, complete: true })
  expect(first.watermarkIndexed).toBe(first.watermarkEnd)
  await touch(at, 1)
  const second = await at.sync(rare)
  expect(second.watermarkEnd).toBe(first.watermarkEnd)
  expect(String(second.watermarkIndexed) > String(first.watermarkIndexed)).toBe(true)
  expect(await watermark(at)).toBe(first.watermarkEnd)
  const [stats] = await at.target.query<Record<string, string>>(
    `select watermark_end::text, watermark_indexed::text from vw_etl_stats limit 1`,
  )
  expect(stats).toEqual({ watermark_end: second.watermarkEnd, watermark_indexed: second.watermarkIndexed })
  const third = await at.sync({ ...rare, complete: true })
  expect(third.watermarkEnd).toBe(third.watermarkIndexed)
  expect(String(third.watermarkEnd) > String(second.watermarkIndexed)).toBe(true)
})

it('reads a change of status at once by the message about it', async () => {
  await using at = await openTwo()
  await touch(at, 1)
  await insertMessage(at.source, 1, {
    ...{
      message_type: 2,
      content: 'Conversation was marked resolved by Ana',
      sender_type: null,
      sender_id: null,
    },
    ...(await stampedNow(at)),
  })
  await touch(at, 2)
  expect(await at.sync(rare)).toMatchObject({ rowsExtracted: 1, rowsUpdated: 1 })
  const rows = await at.target.query('select conversation_id, priority from conversas_analytics order by 1')
  expect(rows).toEqual([
    { conversation_id: 1, priority: 2 },
    { conversation_id: 2, priority: null },
  ])
})

async function stampedNow({ source }: SyncFixture) {
  const [row] = await source.query<{ at: string }>(`select (${now})::text as at`)
  return { created_at: row?.at, updated_at: row?.at }
}

it('finds a contact that was renamed, a survey and a participant with the next scan', async () => {
  await using at = await openTwo()
  const stamps = await stampedNow(at)
  await at.source.query(`update contacts set name = 'Zélia', updated_at = ${now} where id = 1`)
  const survey = { account_id: 1, conversation_id: 1, message_id: 1, rating: 5, contact_id: 1 }
  await insert(at.source, 'csat_survey_responses', { ...survey, ...stamps })
  await insert(at.source, 'conversation_participants', {
    ...{ account_id: 1, user_id: 1, conversation_id: 2 },
    ...stamps,
  })
  expect(await at.sync(rare)).toMatchObject({ rowsExtracted: 0 })
  expect(await at.sync({ ...rare, complete: true })).toMatchObject({ rowsUpdated: 2 })
  expect(await differences(at)).toEqual([])
})

it.each([
  ['a run that somebody starts by hand', { triggeredBy: 'manual' }],
  ['a run that is told to be complete', { complete: true }],
  ['a full load', { loadType: 'full' }],
  ['a scheduled run over small tables', { scanShare: 0.002 }],
  ['a dry run', { dryRun: true }],
] as const)('scans in %s', async (_, options) => {
  await using at = await openTwo()
  await touch(at, 1)
  await at.sync(rare)
  const report = await at.sync({ ...rare, ...options })
  expect(report).toMatchObject({ rowsUpdated: 1 })
  expect(report.watermarkEnd).toBe(report.watermarkIndexed)
})

it('keeps to the budget in a run that is told not to be complete', async () => {
  await using at = await openTwo()
  await touch(at, 1)
  expect(await at.sync({ ...rare, triggeredBy: 'manual', complete: false })).toMatchObject({
    rowsExtracted: 0,
  })
})

it('reads by an index from where it has left off without one', async () => {
  await using at = await openTwo()
  await touch(at, 1)
  expect(await at.sync(rare)).toMatchObject({ rowsExtracted: 0 })
  await at.source.query('create index on conversations (updated_at)')
  expect(await at.sync(rare)).toMatchObject({ rowsUpdated: 1 })
  await touch(at, 2)
  expect(await at.sync(rare)).toMatchObject({ rowsUpdated: 1 })
})

it('keeps the watermark of what is left out when nothing is written, and moves it when nothing is left', async () => {
  await using at = await openTwo()
  await touch(at, 1)
  const left = await at.sync(rare)
  for (let run = 0; run < 3; run++) {
    const idle = await at.sync(rare)
    expect(idle.watermarkEnd).toBe(left.watermarkEnd)
    expect(String(idle.watermarkIndexed) > String(left.watermarkIndexed)).toBe(true)
  }
  expect(await at.sync({ ...rare, complete: true })).toMatchObject({ rowsUpdated: 1 })
  const idle = await untilIdle(at)
  expect(idle.watermarkEnd).toBe(idle.watermarkIndexed)
})

/** A run right after a complete one, before which no other test has taken a transaction id of the server. */
async function untilIdle(at: SyncFixture) {
  for (;;) {
    await at.sync({ ...rare, complete: true })
    const report = await at.sync(rare)
    if (report.phases.feeds === 0) return report
  }
}

it('scans again where a run has failed after its scan', async () => {
  await using at = await openTwo()
  const before = await watermark(at)
  await touch(at, 1)
  const fail = () => {
    throw new Error('stopped')
  }
  await expect(at.sync({ ...rare, complete: true, onProgress: fail })).rejects.toThrow(/stopped|onProgress/)
  expect(await watermark(at)).toBe(before)
  await write(at)
  expect(await at.sync(rare)).toMatchObject({ rowsExtracted: 0, watermarkEnd: before })
  expect(await at.sync({ ...rare, complete: true })).toMatchObject({ rowsUpdated: 1 })
})

it('finds a stamp that comes late from a transaction which was open in runs without a scan', async () => {
  await using at = await openTwo()
  const client = new pg.Client(at.source.url)
  await client.connect()
  await client.query('begin')
  await client.query(
    `update conversations set priority = 3, updated_at = now() at time zone 'UTC' where id = 1`,
  )
  await write(at)
  await at.sync(rare)
  await touch(at, 2)
  await at.sync(rare)
  await client.query('commit')
  await client.end()
  await at.sync(rare)
  await write(at)
  await at.sync(rare)
  expect(await at.sync({ ...rare, complete: true })).toMatchObject({ rowsUpdated: 2 })
  expect(await differences(at)).toEqual([])
})

it('counts what is left to a scan as pending in a comparison, and does not repair it', async () => {
  await using at = await openTwo()
  await touch(at, 1)
  await at.sync(rare)
  await write(at)
  await at.sync(rare)
  const ends = { source: at.source.url, target: at.target.url, skewAllowance: 0 }
  expect(await verifyConversations(ends)).toMatchObject({ rowsPending: 1, rowsStale: 0 })
})

it('warns of no late stamp that was only left to a later scan', async () => {
  await using at = await openTwo()
  await touch(at, 1)
  const options = { ...rare, skewAllowance: 100 }
  await at.sync(options)
  await at.source.query('select pg_sleep(0.3)')
  for (let run = 0; run < 2; run++) {
    await write(at)
    await at.sync(options)
  }
  // Another feed shows the row first.
  await insertMessage(at.source, 1, { content: 'late', ...(await stampedNow(at)) })
  expect(await at.sync(options)).toMatchObject({ rowsUpdated: 1, warnings: [] })
  await touch(at, 2)
  await at.sync(options)
  await at.source.query('select pg_sleep(0.3)')
  await write(at)
  await at.sync(options)
  expect(await at.sync({ ...options, complete: true })).toMatchObject({ rowsUpdated: 1, warnings: [] })
})
