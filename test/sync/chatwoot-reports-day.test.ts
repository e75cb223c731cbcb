import pg from 'pg'
import { expect, it } from 'vitest'

import { verifyConversations } from '../../lib/index.js'
import { compareReports } from '../fixtures/stories/compare.js'
import { loadEvents, loadRest, loadStories, writtenOf } from '../fixtures/stories/load.js'
import { openStories } from '../fixtures/stories/open.js'
import { beginStory, type Story } from '../fixtures/stories/story.js'
import { thirtyTwoStories } from '../fixtures/stories/thirty-two.js'
import { clockOf, micros, monday, type Micros } from '../fixtures/stories/time.js'
import type { TestDatabase } from '../setup/database.js'

async function openDay() {
  const stories = [...thirtyTwoStories()]
  const at = await openStories(stories)
  const now = await clockOf(at.source)
  const [june, today] = [monday - micros('9h'), now - micros('12h')]
  const ranges = [
    { since: june, until: june + micros('11d') },
    { since: today, until: now + micros('2h') },
    { since: june, until: now + micros('2h') },
  ]
  const periods = ['day'] as const
  return {
    ...at,
    stories,
    /** The differences of the reports from the oracle's, all of them. */
    differences: async () => {
      const zones = ['America/Sao_Paulo', 'UTC']
      const { different } = await compareReports(at.source, at.target, { ranges, zones, periods })
      return different
    },
    /** What happens now in a story; its events wait. */
    happen: async (id: number, act: (story: Story, now: Micros) => unknown) => {
      const story = stories[id - 1]
      if (!story) throw new Error(`No story ${id}`)
      const before = writtenOf(story)
      act(story, await clockOf(at.source))
      return loadRest(at.source, story, before)
    },
  }
}

const prompt = { wait: 0 }

it('after a day of changes every number of the reports is that of Chatwoot again', async () => {
  await using at = await openDay()
  expect(await at.differences()).toEqual([])

  const now = await clockOf(at.source)
  const fresh = [
    beginStory({ id: 33, inbox: 1, at: now }).customer(now).agent(now).resolve(now, prompt).survey(now),
    beginStory({ id: 34, inbox: 3, at: now, assignee: null }).customer(now).bot(now).resolve(now, prompt),
    beginStory({ id: 35, inbox: 4, at: now, assignee: 3 }).customer(now).agent(now, { by: 3 }),
  ]
  at.stories.push(...fresh)
  await loadStories(at.source, fresh)
  const events = [
    ...(await at.happen(6, (story, when) => story.agent(when).resolve(when, prompt))),
    ...(await at.happen(9, (story, when) => story.agent(when, { by: 2 }))),
    ...(await at.happen(18, (story, when) => story.resolve(when, prompt))),
  ]
  await loadEvents(at.source, events)
  await at.happen(5, (story, when) => story.label('vip').activity(when))
  await at.happen(30, (story, when) => story.move(1).activity(when))
  await at.happen(31, (story, when) => story.assign(2).activity(when))
  await at.source.query(`
    update conversations
    set contact_id = 1, updated_at = now() at time zone 'UTC'
    where contact_id in (3, 7)`)
  expect(await at.sync()).toMatchObject({ loadType: 'incremental' })
  expect(await at.differences()).toEqual([])
})

it('events that come later than the run that reads their conversation are in the next one', async () => {
  await using at = await openDay()
  const late = await at.happen(6, (story, when) => story.agent(when).resolve(when, prompt))
  expect(late.length).toBeGreaterThan(1)
  expect(await at.sync()).toMatchObject({ loadType: 'incremental', rowsUpdated: 1 })
  expect(await at.differences()).toEqual([])

  const job = new pg.Client(at.source.url)
  await job.connect()
  try {
    await job.query('begin')
    const query = async (text: string, values?: unknown[]) => (await job.query(text, values)).rows
    const now = await clockOf(at.source)
    await loadEvents(
      { query } as TestDatabase,
      late.map((event) => ({ ...event, created_at: now })),
    )
    await at.sync()
    await job.query('commit')
  } finally {
    await job.end()
  }
  expect(await at.differences()).not.toEqual([])
  await at.sync()
  expect(await at.differences()).toEqual([])
})

it('what Chatwoot removes or writes without a stamp, verify finds', async () => {
  await using at = await openDay()
  await at.source.query('delete from reporting_events where user_id = 2')
  await at.source.query('update conversations set assignee_id = null where assignee_id = 2')
  await at.source.query('delete from reporting_events where conversation_id = 10')
  await at.source.query('delete from messages where conversation_id = 10')
  await at.source.query('delete from conversations where id = 10')
  await at.source.query(
    `insert into reporting_events (name, value, account_id, inbox_id, conversation_id, created_at, updated_at)
     values ('reply_time', 60, 1, 1, 11, '2026-06-02', '2026-06-02')`,
  )
  await at.sync()
  expect(await at.differences()).not.toEqual([])

  const { source, target } = at
  const found = await verifyConversations({ source: source.url, target: target.url, repair: true })
  expect(found).toMatchObject({ rowsExtra: 1, rowsMissing: 0 })
  expect(found.rowsStale).toBeGreaterThan(1)
  expect(await at.differences()).toEqual([])
})
