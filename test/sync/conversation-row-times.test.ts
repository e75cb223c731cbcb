import { afterAll, beforeAll, expect, it } from 'vitest'

import {
  insert,
  insertConversation,
  insertMessage,
  openSmallSync,
  rowsOfCases,
  storedRow,
  storedRows,
  type SyncFixture,
} from '../fixtures/sync-fixture.js'
import { hasMonths } from '../setup/partitions.js'

let at: SyncFixture

beforeAll(async () => {
  at = await openSmallSync()
  const stamps = { created_at: '2026-01-01', updated_at: '2026-01-01' }
  const zones = [null, 'America/Sao_Paulo', 'Asia/Tokyo', 'Brasilia', '', 'UTC']
  for (const [index, timezone] of zones.entries()) {
    await insert(at.source, 'inboxes', {
      id: 10 + index,
      name: 'x',
      account_id: 1,
      channel_id: 1,
      timezone,
      ...stamps,
    })
  }
})

afterAll(() => at[Symbol.asyncDispose]())

async function store(fields: Record<string, unknown>, timeZone?: string) {
  return storedRow(at, await insertConversation(at.source, fields), { timeZone })
}

/** What one run makes of several conversations. */
async function storeAll(...conversations: readonly Record<string, unknown>[]) {
  const ids: number[] = []
  for (const fields of conversations) ids.push(await insertConversation(at.source, fields))
  return storedRows(at, ids)
}

it('writes the calendar in the time zone of the inbox', async () => {
  // In São Paulo it was still Sunday, and December.
  expect(await store({ inbox_id: 11, created_at: '2024-01-01 01:30:45.6' })).toMatchObject({
    inbox_timezone: 'America/Sao_Paulo',
    calendar_timezone: 'America/Sao_Paulo',
    conversation_created_at: '2024-01-01 01:30:45.6',
    conversation_date: '2023-12-31',
    conversation_year: 2023,
    conversation_month: 12,
    conversation_day: 31,
    conversation_day_of_week: 0,
    conversation_hour: 22,
    conversation_minute: 30,
    conversation_week_of_year: 52,
    conversation_quarter: 4,
    conversation_day_name: 'Domingo',
    conversation_month_name: 'Dezembro',
    conversation_period: 'Noite',
    is_weekday: false,
    is_weekend: true,
    is_business_hours: false,
    is_night_time: true,
    conversation_date_formatted: '31/12/2023',
    conversation_datetime_formatted: '31/12/2023 22:30:45',
    conversation_year_month: '2023-12',
    conversation_year_week: '2023-52',
  })
})

const inboxes = [
  [10, null, 'UTC', 15],
  [11, 'America/Sao_Paulo', 'America/Sao_Paulo', 12],
  [12, 'Asia/Tokyo', 'Asia/Tokyo', 0],
  [13, 'Brasilia', 'UTC', 15],
  [14, '', 'UTC', 15],
  [15, 'UTC', 'UTC', 15],
] as const
const ofInbox = rowsOfCases(
  () => at,
  inboxes,
  ([inbox_id]) => insertConversation(at.source, { inbox_id }),
)

it.each(inboxes)('takes for inbox %s with zone %s that of %s', async (inbox, zone, used, hour) => {
  expect(await ofInbox(inbox)).toMatchObject({
    inbox_timezone: zone,
    calendar_timezone: used,
    conversation_hour: hour,
  })
})

it('takes the zone in which an account reports before that of the inbox, where the servers know it', async () => {
  const reportIn = (settings: string) =>
    at.source.query('update accounts set settings = $1::jsonb where id = 1', [settings])
  await reportIn('{"reporting_timezone": "Asia/Kathmandu"}')
  expect(await store({ inbox_id: 11 })).toMatchObject({
    ...{ inbox_timezone: 'America/Sao_Paulo', calendar_timezone: 'Asia/Kathmandu', conversation_hour: 20 },
  })
  expect(await store({ inbox_id: 11 }, 'Asia/Tokyo')).toMatchObject({ calendar_timezone: 'Asia/Tokyo' })
  for (const settings of ['{"reporting_timezone": "Brasilia"}', '{"reporting_timezone": ""}', '[]', '{}']) {
    await reportIn(settings)
    expect(await store({ inbox_id: 11 })).toMatchObject({ calendar_timezone: 'America/Sao_Paulo' })
  }
})

it('takes the option timeZone for every conversation', async () => {
  const row = await store({ inbox_id: 11 }, 'Asia/Tokyo')
  expect(row).toMatchObject({
    inbox_timezone: 'America/Sao_Paulo',
    calendar_timezone: 'Asia/Tokyo',
    conversation_date: '2026-01-06',
    conversation_hour: 0,
    conversation_day_name: 'Terça-feira',
  })
})

it('follows the summer time of the zone', async () => {
  const [summer, winter] = await storeAll(
    { inbox_id: 11, created_at: '2018-12-01 12:00' },
    { inbox_id: 11, created_at: '2018-07-01 12:00' },
  )
  expect(summer).toMatchObject({ conversation_hour: 10 })
  expect(winter).toMatchObject({ conversation_hour: 9 })
})

const hours = [
  ['2026-01-05 00:00', 'Segunda-feira', 'Madrugada', true, false, true],
  ['2026-01-06 05:59:59', 'Terça-feira', 'Madrugada', true, false, true],
  ['2026-01-07 06:00', 'Quarta-feira', 'Manhã', true, false, false],
  ['2026-01-08 09:00', 'Quinta-feira', 'Manhã', true, true, false],
  ['2026-01-09 12:00', 'Sexta-feira', 'Tarde', true, true, false],
  ['2026-01-09 17:59:59', 'Sexta-feira', 'Tarde', true, true, false],
  ['2026-01-09 18:00', 'Sexta-feira', 'Noite', true, false, false],
  ['2026-01-10 12:00', 'Sábado', 'Tarde', false, false, false],
  ['2026-01-11 20:00', 'Domingo', 'Noite', false, false, true],
] as const
const ofHour = rowsOfCases(
  () => at,
  hours,
  ([created_at]) => insertConversation(at.source, { created_at, inbox_id: 15 }),
)

it.each(hours)('takes %s for a %s, %s', async (hour, day, period, isWeekday, isBusiness, isNight) => {
  expect(await ofHour(hour)).toMatchObject({
    conversation_day_name: day,
    conversation_period: period,
    is_weekday: isWeekday,
    is_weekend: !isWeekday,
    is_business_hours: isBusiness,
    is_night_time: isNight,
  })
})

it('counts weeks and their years as ISO does', async () => {
  expect(await store({ created_at: '2027-01-01 12:00' })).toMatchObject({
    conversation_year: 2027,
    conversation_week_of_year: 53,
    conversation_year_week: '2026-53',
  })
})

const replies = [
  ['2026-01-05 15:04:59.999', '299', '5.0', true, false],
  ['2026-01-05 15:05:00', '300', '5.0', false, false],
  ['2026-01-05 15:30:00', '1800', '30.0', false, false],
  ['2026-01-05 15:31:03', '1863', '31.1', false, true],
] as const
const ofReply = rowsOfCases(
  () => at,
  replies,
  ([first_reply_created_at]) =>
    insertConversation(at.source, { created_at: '2026-01-05 15:00', first_reply_created_at }),
)

it.each(replies)('measures a first reply at %s', async (reply, seconds, minutes, isFast, isSlow) => {
  expect(await ofReply(reply)).toMatchObject({
    first_response_time_seconds: seconds,
    first_response_time_minutes: minutes,
    is_fast_response: isFast,
    is_slow_response: isSlow,
  })
})

it('measures the time to the resolution of resolved conversations only', async () => {
  const times = {
    created_at: '2026-01-05 15:00',
    updated_at: '2026-01-05 16:59:59.5',
    last_activity_at: '2026-01-05 16:00',
  }
  const [fast, slow, open] = await storeAll(
    { status: 1, ...times },
    { status: 1, ...times, updated_at: '2026-01-05 17:00' },
    { status: 0, ...times },
  )
  expect(fast).toMatchObject({
    resolution_time_seconds: '7199',
    is_fast_resolution: true,
    conversation_duration_seconds: '3600',
    first_response_time_seconds: null,
    first_response_time_minutes: null,
    is_fast_response: false,
    is_slow_response: false,
  })
  expect(slow).toMatchObject({
    resolution_time_seconds: '7200',
    is_fast_resolution: false,
  })
  expect(open).toMatchObject({
    resolution_time_seconds: null,
    is_fast_resolution: false,
  })
})

it('keeps waiting, snooze and last seen', async () => {
  const times = {
    waiting_since: '2026-01-05 15:00:00.000001',
    snoozed_until: '2026-02-05 15:00:00.000002',
    contact_last_seen_at: '2026-01-05 15:00:00.000003',
    agent_last_seen_at: '2026-01-05 15:00:00.000004',
  }
  const flags = { is_waiting: true, contact_has_seen: true, agent_has_seen: true }
  const none = { is_waiting: false, contact_has_seen: false, agent_has_seen: false }
  expect(await storeAll(times, {})).toMatchObject([{ ...times, ...flags }, none])
})

// A conversation without the date of its month is rejected.
it.skipIf(hasMonths)('takes an infinite time for none', async () => {
  const times = [
    'created_at',
    'updated_at',
    'last_activity_at',
    'first_reply_created_at',
    'waiting_since',
    'snoozed_until',
  ]
  const seen = ['contact_last_seen_at', 'agent_last_seen_at']
  for (const infinite of ['infinity', '-infinity']) {
    const given = Object.fromEntries([...times, ...seen].map((name) => [name, infinite]))
    const id = await insertConversation(at.source, { status: 1, ...given })
    await insertMessage(at.source, id, { created_at: infinite })
    await insert(at.source, 'csat_survey_responses', {
      ...{ account_id: 1, conversation_id: id, message_id: id, contact_id: 1, rating: 5 },
      ...{ created_at: infinite, updated_at: infinite },
    })
    const row = await storedRow(at, id)
    const none = ['conversation_created_at', 'conversation_updated_at', ...times.slice(2), ...seen]
    const derived = [
      'resolution_time_seconds',
      'conversation_date',
      'conversation_hour',
      'conversation_day_name',
      'is_night_time',
    ]
    const ofMessages = ['mc_first_message_at', 'mc_last_message_at', 'csat_created_at']
    for (const name of [...none, ...derived, ...ofMessages]) expect([name, row?.[name]]).toEqual([name, null])
    expect(row).toMatchObject({ is_fast_response: false, is_waiting: false, csat_rating: 5, t_messages: 1 })
  }
})

it('bears times at both ends of the calendar', async () => {
  for (const end of ['4713-02-01 00:00:00 BC', '294276-12-31 23:59:59.999999']) {
    const times = { created_at: end, updated_at: end, last_activity_at: end }
    const row = await store({ inbox_id: 12, ...times })
    expect(row).toMatchObject({ conversation_created_at: end, conversation_date: null })
  }
})
