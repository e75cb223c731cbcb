import fc from 'fast-check'
import { expect, it } from 'vitest'

import { compareReports } from '../fixtures/stories/compare.js'
import { loadStories, shopTemplate } from '../fixtures/stories/load.js'
import { drawnStory, playStory } from '../fixtures/stories/random.js'
import { releases, turnInto } from '../fixtures/stories/releases.js'
import { thirtyTwoStories } from '../fixtures/stories/thirty-two.js'
import { micros, monday } from '../fixtures/stories/time.js'
import { openSync } from '../fixtures/sync-fixture.js'
import { share } from '../setup/share.js'

const drawn = fc.sample(drawnStory, { numRuns: 30, seed: 7 })
const stories = () => [...thirtyTwoStories(), ...drawn.map((each, index) => playStory(each, 33 + index))]

const played = releases.filter(({ name }) => share(['1.18', '2.3', '3.4'].includes(name), true))

it.each(played)('of Chatwoot $name the reports have the numbers that it has', async (release) => {
  await using at = await openSync(await shopTemplate())
  await loadStories(at.source, stories())
  await turnInto(at.source, release)
  await at.sync()
  const midnight = monday - micros('9h')
  const { compared, different } = await compareReports(at.source, at.target, {
    ranges: [
      { since: midnight, until: midnight + micros('11d') },
      { since: midnight - micros('400d'), until: midnight + micros('200d') },
    ],
    zones: ['America/Sao_Paulo'],
    periods: ['day', 'month'],
    unknown: release.unknown,
  })
  expect(different).toEqual([])
  expect(compared).toBeGreaterThan(1000)
})
