import { expect, it } from 'vitest'

import type { SyncOptions } from '../../lib/options.js'
import { openFirstTarget } from '../fixtures/first-release.js'
import { differences, insertConversation, openSmallSync, type SyncFixture } from '../fixtures/sync-fixture.js'

const now = `clock_timestamp() at time zone 'UTC'`

const scheduled = { triggeredBy: 'scheduler', skewAllowance: 0 } as const satisfies Partial<SyncOptions>
const rare = { ...scheduled, scanShare: 0 }

const touch = ({ source }: SyncFixture, id: number, priority = 2) =>
  source.query(`update conversations set priority = ${priority}, updated_at = ${now} where id = ${id}`)

async function openOne(): Promise<SyncFixture> {
  const at = await openSmallSync()
  await insertConversation(at.source)
  await at.sync()
  return at
}

const lastRun = `where execution_id = (select execution_id from etl_control order by started_at desc limit 1)`

const versionOfState = async ({ target }: SyncFixture) => {
  const [row] = await target.query<{ version: number }>(
    `select (state ->> 'version')::integer as version from etl_control ${lastRun}`,
  )
  return row?.version
}

it('scans in every run as long as migrate has not added the second watermark', async () => {
  await using at = await openOne()
  await at.target.query('alter table etl_control drop column watermark_indexed cascade')
  for (let run = 0; run < 2; run++) {
    await touch(at, 1, run)
    const report = await at.sync(rare)
    expect(report).toMatchObject({ loadType: 'incremental', rowsUpdated: 1 })
    expect(report.watermarkIndexed).toBe(report.watermarkEnd)
  }
})

it('scans in every run over the tables of the first release', async () => {
  await using at = await openSmallSync()
  await using first = await openFirstTarget()
  await insertConversation(at.source)
  const run = () => at.sync({ ...rare, target: first.url })
  await run()
  await touch(at, 1)
  expect(await run()).toMatchObject({ loadType: 'incremental', rowsUpdated: 1 })
})

it('reads a feed from the low watermark where the state of an earlier release has none of it', async () => {
  await using at = await openOne()
  await touch(at, 1)
  await at.target.query(`update etl_control set state = state - 'feeds' ${lastRun}`)
  const report = await at.sync(rare)
  expect(report).toMatchObject({
    loadType: 'incremental',
    rowsUpdated: 1,
    watermarkEnd: report.watermarkIndexed,
  })
  await touch(at, 1, 3)
  expect(await at.sync(rare)).toMatchObject({ rowsUpdated: 0 })
})

it('leaves a state that an earlier release reads only where no feed was left out', async () => {
  await using at = await openOne()
  expect(await versionOfState(at)).toBe(1)
  await touch(at, 1)
  await at.sync(rare)
  expect(await versionOfState(at)).toBe(2)
  await at.sync({ ...rare, complete: true })
  expect(await versionOfState(at)).toBe(1)
})

it('leaves a table out whose scan was measured to be long, and scans it once the share allows it', async () => {
  await using at = await openOne()
  const path = '{feeds,conversations.updated_at'
  await at.source.query(`update pg_class set relpages = 30000 where oid = 'conversations'::regclass`)
  const measure = (milliseconds: number, through: string) =>
    at.target.query(
      `update etl_control
       set state = jsonb_set(jsonb_set(state, '${path},took}', to_jsonb($1::numeric)), '${path},through}',
         to_jsonb((extract(epoch from now() - $2::interval) * 1000000)::bigint))
       ${lastRun}`,
      [milliseconds, through],
    )
  await measure(19, '1 minute')
  await touch(at, 1)
  expect(await at.sync(scheduled)).toMatchObject({ rowsUpdated: 1 })
  await measure(200, '1 hour')
  await touch(at, 1, 3)
  const left = await at.sync(scheduled)
  expect(left).toMatchObject({ rowsUpdated: 0 })
  expect(String(left.watermarkEnd) < String(left.watermarkIndexed)).toBe(true)
  // 30,000 pages at 2,000 a second are 15 seconds, which the share allows every 125 minutes.
  await measure(200, '126 minutes')
  expect(await at.sync(scheduled)).toMatchObject({ rowsUpdated: 1 })
  expect(await differences(at)).toEqual([])
})

it('measures how long the source takes for each feed', async () => {
  await using at = await openOne()
  await touch(at, 1)
  await at.sync()
  const [state] = await at.target.query<{ measured: string[] }>(
    `select array(
       select key from jsonb_each(state -> 'feeds') where (value ->> 'took')::numeric >= 0 order by key
     ) as measured
     from etl_control ${lastRun}`,
  )
  expect(state?.measured).toEqual(
    [
      'contacts.updated_at',
      'conversation_participants.created_at',
      'conversations.updated_at',
      'csat_survey_responses.updated_at',
      'applied_slas.updated_at',
      'sla_events.created_at',
    ].sort(),
  )
})

it('scans all messages for edits where it is told to be complete, or an index leads to them', async () => {
  await using at = await openOne()
  await at.source.query(
    `insert into messages (account_id, inbox_id, conversation_id, message_type, private, content_type, content, created_at, updated_at)
     select 1, 1, 1, 0, false, 0, 'Oi', '2020-01-01', '2020-01-01'`,
  )
  await at.source.query(`update pg_class set reltuples = 1000000 where oid = 'messages'::regclass`)
  await at.sync({ loadType: 'full' })
  const edit = () => at.source.query(`update messages set content = content || '!', updated_at = ${now}`)
  await edit()
  expect(await at.sync(rare)).toMatchObject({ rowsUpdated: 0 })
  expect(await at.sync({ ...rare, complete: true })).toMatchObject({ rowsUpdated: 1 })
  await at.source.query('create index on messages (updated_at)')
  await edit()
  expect(await at.sync(rare)).toMatchObject({ rowsUpdated: 1 })
})
