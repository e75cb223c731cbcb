import { expect, it } from 'vitest'

import { compareReports } from '../fixtures/stories/compare.js'
import { openStories } from '../fixtures/stories/open.js'
import { micros, monday } from '../fixtures/stories/time.js'

/** Midnight of the first of June in São Paulo. */
const midnight = monday - micros('9h')
const lastSecond = micros('23h59m59s')
const days = (first: number, last: number) => ({
  since: midnight + micros(`${first}d`),
  until: midnight + micros(`${last}d`) + lastSecond,
})
const charts = {
  zones: ['America/Sao_Paulo', 'UTC', 'America/Halifax', 'Asia/Kathmandu'],
  periods: ['hour', 'day', 'week', 'month', 'year'],
} as const

it('every number of the reports on the 32 stories is that of Chatwoot', async () => {
  await using at = await openStories()
  const ranges = [days(0, 0), days(1, 1), days(7, 7), days(0, 10)]
  const { compared, different, orphans } = await compareReports(at.source, at.target, { ranges, ...charts })
  expect(different).toEqual([])
  expect(compared).toBeGreaterThan(5000)
  expect(orphans).toBe(0)
})

it('the 32 stories have the numbers that were measured on them', async () => {
  await using at = await openStories()
  const report = async (range: ReturnType<typeof days>, businessHours = false) => {
    const [row] = await at.target.query(
      `select
         conversations_count::integer as conversations,
         incoming_messages_count::integer as incoming,
         outgoing_messages_count::integer as outgoing,
         round(avg_first_response_time::numeric, 2)::float8 as first_response,
         round(avg_resolution_time::numeric, 2)::float8 as resolution,
         resolutions_count::integer as resolutions,
         reply_time as reply
       from chatwoot_report(1, to_timestamp($1::float8), to_timestamp($2::float8), business_hours => $3)`,
      [range.since / 1e6, range.until / 1e6, businessHours],
    )
    return row
  }
  expect(await report(days(0, 10))).toEqual({
    ...{ conversations: 32, incoming: 44, outgoing: 44, first_response: 10434.78 },
    ...{ resolution: 30753, resolutions: 29, reply: 525 },
  })
  expect(await report(days(0, 10), true)).toMatchObject({
    first_response: 516.52,
    resolution: 6126.21,
    reply: 375,
  })
  expect(await report(days(0, 0))).toEqual({
    ...{ conversations: 31, incoming: 40, outgoing: 41, first_response: 557.14 },
    ...{ resolution: 5021.74, resolutions: 23, reply: 525 },
  })
  const bots = async ({ since, until }: ReturnType<typeof days>) =>
    at.target.query(
      `select array_to_string(array[conversation_count, message_count, resolution_rate, handoff_rate, bot_resolutions_count, bot_handoffs_count], ' ') as numbers
       from chatwoot_bot_report(1, to_timestamp($1::float8), to_timestamp($2::float8))`,
      [since / 1e6, until / 1e6],
    )
  expect(await bots(days(0, 10))).toEqual([{ numbers: '8 15 37 37 4 3' }])
  expect(await bots(days(0, 0))).toEqual([{ numbers: expect.stringMatching(/ 5 2$/) }])
  expect(await at.target.query('select * from chatwoot_live(1)')).toEqual([
    {
      ...{ id: null, name: null },
      ...{ open_count: '7', unattended_count: '2', unassigned_count: '0', pending_count: '0' },
    },
  ])
})
