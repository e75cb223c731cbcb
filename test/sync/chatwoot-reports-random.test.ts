import fc from 'fast-check'
import { expect, it } from 'vitest'

import { compareReports } from '../fixtures/stories/compare.js'
import { loadEvents, loadRest, loadStories, shopTemplate, writtenOf } from '../fixtures/stories/load.js'
import type { Period } from '../fixtures/stories/oracle.js'
import {
  agentOf,
  drawnWorld,
  playStory,
  rangesOf,
  take,
  zones,
  type DrawnWorld,
} from '../fixtures/stories/random.js'
import type { Story } from '../fixtures/stories/story.js'
import { clockOf, micros } from '../fixtures/stories/time.js'
import { openSync } from '../fixtures/sync-fixture.js'
import type { TestDatabase } from '../setup/database.js'
import { share } from '../setup/share.js'

const all = Number(process.env['TEST_STORIES'] ?? share(25, 500))
/** In one database, and in the reports on it. */
const together = Math.min(all, 100)

const seed = Number(process.env['TEST_SEED'] ?? 1)

async function deleteSome(source: TestDatabase, { stories }: DrawnWorld): Promise<void> {
  for (const [index, { deleted }] of stories.entries()) {
    if (deleted === 'no') continue
    const tables = ['messages', 'csat_survey_responses', 'applied_slas']
    if (deleted === 'whole') tables.push('reporting_events')
    for (const table of tables)
      await source.query(`delete from ${table} where conversation_id = $1`, [index + 1])
    await source.query('delete from conversations where id = $1', [index + 1])
    await source.query('delete from taggings where taggable_id = $1', [index + 1])
  }
}

/** Goes on with the stories, and returns the events that their jobs have still to write. */
async function goOn(source: TestDatabase, world: DrawnWorld, stories: readonly Story[]) {
  const events: Story['events'] = []
  for (const { step, place, labels } of world.later) {
    const [story, drawn] = [stories[place], world.stories[place]]
    if (story === undefined || drawn?.deleted !== 'no') continue
    const before = writtenOf(story)
    const now = await clockOf(source)
    take(story, { ...step, late: '0s' }, now, agentOf(drawn))
    if (drawn.inbox !== 4) {
      story.labels.clear()
      story.label(...labels).move(labels.length === 0 ? null : (labels.length % 2) + 1)
    }
    story.conversation.updated_at = now
    events.push(...(await loadRest(source, story, before)))
  }
  return events
}

it(
  `every number of the reports on ${all} random stories is that of Chatwoot but for events of deleted conversations, and after changes again`,
  { timeout: 240_000 + all * 1000 },
  async () => {
    let compared = 0
    let orphans = 0
    await fc.assert(
      fc.asyncProperty(drawnWorld(together), async (world) => {
        await using at = await openSync(await shopTemplate())
        const stories = world.stories.map((each, index) => playStory(each, index + 1, world.noon))
        await loadStories(at.source, stories)
        await deleteSome(at.source, world)
        const ranges = rangesOf(world, stories)
        const compare = async (given: typeof ranges, periods: readonly Period[]) => {
          const found = await compareReports(at.source, at.target, { ranges: given, zones, periods })
          expect(found.different).toEqual([])
          compared += found.compared
          orphans += found.orphans
        }
        await at.sync()
        await compare(ranges, ['hour', 'day', 'week', 'month', 'year'])

        const late = await goOn(at.source, world, stories)
        const now = await clockOf(at.source)
        const recent = [...ranges.slice(0, 1), { since: now - micros('1h'), until: now + micros('9h') }]
        expect(await at.sync()).toMatchObject({ loadType: 'incremental' })
        await compare(recent, ['day'])
        await loadEvents(
          at.source,
          late.map((event) => ({ ...event, created_at: Math.max(event.created_at, now) })),
        )
        await at.sync()
        await compare(recent, ['day'])
      }),
      { numRuns: Math.ceil(all / together), seed, endOnFailure: true },
    )
    expect(compared).toBeGreaterThan(all * 10)
    if (all >= 500) expect(orphans).toBeGreaterThan(0)
  },
)
