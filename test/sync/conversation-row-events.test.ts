import { afterAll, beforeAll, expect, it } from 'vitest'

import {
  insert,
  insertConversation,
  insertMessage,
  openSmallSync,
  storedRow,
  storedRows,
  type SyncFixture,
} from '../fixtures/sync-fixture.js'

let at: SyncFixture

beforeAll(async () => {
  at = await openSmallSync()
})

afterAll(() => at[Symbol.asyncDispose]())

const start = Date.UTC(2026, 0, 5, 15)
const time = (seconds: number) => new Date(start + seconds * 1000).toISOString().slice(0, 19)

/** An event of so many seconds that ends so many seconds after the conversation began. */
async function insertEvent(
  conversation: number,
  name: string,
  end: number,
  row: Record<string, unknown> = {},
) {
  return insert(at.source, 'reporting_events', {
    ...{
      name,
      value: end,
      value_in_business_hours: Math.floor(end / 2),
      account_id: 1,
      inbox_id: 1,
      user_id: 1,
    },
    ...{ conversation_id: conversation, event_start_time: time(0), event_end_time: time(end) },
    ...{ created_at: time(end + 2), updated_at: time(end + 2) },
    ...row,
  })
}

type Event = readonly [name: string, end: number, row?: Record<string, unknown>]

async function write(events: readonly Event[], fields: Record<string, unknown> = {}): Promise<number> {
  const id = await insertConversation(at.source, {
    created_at: time(0),
    updated_at: time(864_000),
    ...fields,
  })
  for (const [name, end, row] of events) await insertEvent(id, name, end, row)
  return id
}

async function store(events: readonly Event[], fields: Record<string, unknown> = {}) {
  return storedRow(at, await write(events, fields))
}

it('keeps every event of a conversation in order, also those that stand twice', async () => {
  const row = await store([
    ['conversation_resolved', 1800, { created_at: time(1900) }],
    ['first_response', 300, { user_id: null }],
    ['conversation_resolved', 1800, { created_at: time(1900) }],
  ])
  const shared = { inbox_id: 1, event_start_time: '2026-01-05T15:00:00' }
  const resolved = {
    ...{ ...shared, name: 'conversation_resolved', value: 1800, value_in_business_hours: 900, user_id: 1 },
    ...{ event_end_time: '2026-01-05T15:30:00', created_at: '2026-01-05T15:31:40', id: expect.any(Number) },
  }
  expect(row?.['reporting_events']).toEqual([
    {
      ...{ ...shared, name: 'first_response', value: 300, value_in_business_hours: 150, user_id: null },
      ...{ event_end_time: '2026-01-05T15:05:00', created_at: '2026-01-05T15:05:02', id: expect.any(Number) },
    },
    resolved,
    resolved,
  ])
  expect(row).toMatchObject({ resolutions_count: 2, reopened_count: 0 })
})

it('says of a conversation without events that there are none', async () => {
  expect(await store([])).toMatchObject({
    ...{ reporting_events: [], first_resolved_at: null, resolved_at: null, resolutions_count: 0 },
    ...{ reopened_count: 0, bot_resolutions_count: 0, chatwoot_first_response_seconds: null },
    ...{ chatwoot_resolution_seconds: null, reply_time_count: 0, reply_time_avg_seconds: null },
    ...{
      bot_handoff_at: null,
      has_bot_handoff: false,
      resolution_source: null,
      resolution_time_seconds: null,
    },
  })
})

it('a resolution ends when Chatwoot resolved it, whatever is changed later', async () => {
  const events: readonly Event[] = [
    ['first_response', 300],
    ['conversation_resolved', 3600],
    ['conversation_opened', 90_000, { value: 86_400 }],
    ['reply_time', 90_300, { value: 300, value_in_business_hours: 100 }],
    ['reply_time', 90_900, { value: 401, value_in_business_hours: 0 }],
    ['conversation_resolved', 93_600, { value_in_business_hours: null }],
  ]
  const numbers = {
    ...{ first_resolved_at: '2026-01-05 16:00:00', resolved_at: '2026-01-06 17:00:00', resolutions_count: 2 },
    ...{
      reopened_count: 1,
      chatwoot_first_response_seconds: '300',
      chatwoot_first_response_business_seconds: '150',
    },
    ...{ chatwoot_first_resolution_seconds: '3600', chatwoot_first_resolution_business_seconds: '1800' },
    ...{
      chatwoot_resolution_seconds: '93600',
      chatwoot_resolution_business_seconds: null,
      reply_time_count: 2,
    },
    ...{
      reply_time_avg_seconds: '350.5000000000000000',
      reply_time_avg_business_seconds: '50.0000000000000000',
    },
  }
  const [resolved, open, fast] = await storedRows(at, [
    await write(events, { status: 1 }),
    await write(events),
    await write([['conversation_resolved', 1800]], { status: 1 }),
  ])
  expect(resolved).toMatchObject({
    ...numbers,
    ...{ resolution_time_seconds: '93600', resolution_source: 'event', is_fast_resolution: false },
  })
  expect(open).toMatchObject({
    ...numbers,
    ...{ resolution_time_seconds: null, resolution_source: null, is_fast_resolution: false },
  })
  expect(fast).toMatchObject({
    ...{ resolution_time_seconds: '1800', is_fast_resolution: true },
  })
})

it('lists events by when they were written, and tells resolutions apart by when they ended', async () => {
  const late: readonly Event[] = [
    ['conversation_resolved', 6600, { created_at: time(6700) }],
    ['conversation_resolved', 600, { created_at: time(7000) }],
    ['first_response', 100, { created_at: time(6650) }],
    ['conversation_resolved', 6600, { created_at: time(6800), value: 6601 }],
  ]
  const timeless: Event = ['conversation_resolved', 50, { event_end_time: null, created_at: '-infinity' }]
  const [row, other] = await storedRows(at, [await write(late), await write([...late, timeless])])
  expect(row?.['reporting_events']).toMatchObject([100, 6600, 6601, 600].map((value) => ({ value })))
  expect(row).toMatchObject({
    ...{ chatwoot_first_resolution_seconds: '600', chatwoot_first_resolution_business_seconds: '300' },
    ...{ chatwoot_resolution_seconds: '6601', resolutions_count: 3, reopened_count: 1 },
  })
  expect(other).toMatchObject({
    ...{ chatwoot_first_resolution_seconds: '600', chatwoot_resolution_seconds: '50' },
    ...{ first_resolved_at: '2026-01-05 15:10:00', resolved_at: '2026-01-05 16:50:00' },
  })
})

it('a resolution without an event ends with the last stamped change', async () => {
  const row = await store([['first_response', 300]], { status: 1, updated_at: time(7000) })
  expect(row).toMatchObject({
    ...{ resolution_time_seconds: '7000', resolution_source: 'stamp', is_fast_resolution: true },
    ...{ resolutions_count: 0, chatwoot_resolution_seconds: null },
  })
})

it('counts reopenings by the events of them, else by the times resolved', async () => {
  const twice: readonly Event[] = [
    ['conversation_resolved', 600],
    ['conversation_resolved', 6600],
  ]
  const opened: Event = ['conversation_opened', 6000, { value: 0 }]
  const again: Event = ['conversation_opened', 6100, { value: 5500 }]
  const rows = await storedRows(at, [
    await write(twice),
    await write([...twice, opened]),
    await write([...twice, opened, again]),
  ])
  expect(rows).toMatchObject([1, 0, 1].map((reopened_count) => ({ reopened_count })))
})

it('a bot resolved it when the last resolution is one of a bot', async () => {
  const byBot: readonly Event[] = [
    ['conversation_bot_resolved', 600],
    ['conversation_resolved', 600],
  ]
  const byAgent: Event = ['conversation_resolved', 9000]
  const [resolved, open, both, handedOff] = await storedRows(at, [
    await write(byBot, { status: 1 }),
    await write(byBot, { status: 0 }),
    await write([...byBot, byAgent], { status: 1 }),
    await write([['conversation_bot_handoff', 900], byAgent], { status: 1 }),
  ])
  expect(resolved).toMatchObject({ is_bot_resolved: true, bot_resolutions_count: 1 })
  expect(open).toMatchObject({ is_bot_resolved: false, bot_resolutions_count: 1 })
  expect(both).toMatchObject({ is_bot_resolved: false })
  expect(handedOff).toMatchObject({
    ...{ is_bot_resolved: false, has_bot_handoff: true, bot_handoff_at: '2026-01-05 15:15:00' },
  })
})

it('takes the first response that came in first, and values that are no seconds for none', async () => {
  const written = await write([
    ['first_response', 500, { created_at: time(9000) }],
    ['first_response', 700, { created_at: time(100) }],
    ['reply_time', 800, { value: 1e300 }],
    ['reply_time', 900, { value: null }],
  ])
  const id = await insertConversation(at.source)
  await at.source.query(
    `insert into reporting_events (name, value, conversation_id, created_at, updated_at, event_end_time)
     values
       ('conversation_resolved', 'NaN', $1, now(), now(), 'infinity'),
       ('conversation_resolved', '-Infinity', $1, '-infinity', now(), null)`,
    [id],
  )
  const [row, odd] = await storedRows(at, [written, id])
  expect(row).toMatchObject({
    ...{ chatwoot_first_response_seconds: '500', reply_time_count: 2, reply_time_avg_seconds: null },
  })
  expect(odd).toMatchObject({ resolutions_count: 2, chatwoot_resolution_seconds: null })
})

it('takes the time at which an old event was written for its end', async () => {
  const row = await store([
    [
      'conversation_resolved',
      600,
      { event_end_time: null, event_start_time: null, value_in_business_hours: null },
    ],
  ])
  expect(row).toMatchObject({ resolved_at: '2026-01-05 15:10:02', chatwoot_resolution_seconds: '600' })
})

it('an event that comes after the run that read its conversation is read by the next one', async () => {
  const id = await insertConversation(at.source, { status: 1 })
  await insertMessage(at.source, id)
  await at.sync({ loadType: 'full' })
  await at.sync()
  await at.source.query(
    `insert into reporting_events (name, value, conversation_id, created_at, updated_at, event_end_time)
     values ('conversation_resolved', 60, $1, now() at time zone 'UTC', now(), now() at time zone 'UTC')`,
    [id],
  )
  expect(await at.sync()).toMatchObject({ loadType: 'incremental', rowsUpdated: 1 })
  const [row] = await at.target.query(
    'select resolution_time_seconds from conversas_analytics where conversation_id = $1',
    [id],
  )
  expect(row).toEqual({ resolution_time_seconds: '60' })
})

it('leaves the events out by one option, and keeps the numbers that are made of them', async () => {
  const id = await insertConversation(at.source, { status: 1 })
  await insertEvent(id, 'conversation_resolved', 60)
  const row = await storedRow(at, id, { columns: { exclude: ['reporting_events'] }, pipeline: 'slim' })
  expect(row).toMatchObject({
    reporting_events: null,
    resolutions_count: 1,
    chatwoot_resolution_seconds: '60',
  })
})
