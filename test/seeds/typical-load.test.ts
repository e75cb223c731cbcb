import { expect, it } from 'vitest'

import { startCluster } from '../../bin/demo/cluster.js'
import { sourceServer, targetServer } from '../setup/database.js'
import { playAll } from '../soak/lanes.js'
import { scenarios } from '../soak/scenarios.js'

it('loses nothing of a quiet source, and reads less than five rows for each that changed under a typical load', async () => {
  // On a shared server the ids of other databases leave no run in which nothing was written.
  await using source = await startCluster()
  const chosen = scenarios.filter(({ name }) => ['quiet', 'typical', 'lull'].includes(name))

  const lanes = [{ source: source.url(), target: targetServer() }]
  const outcomes = await playAll(chosen, lanes, { seed: 3, milliseconds: 3000 })

  expect(outcomes).toMatchObject([
    { scenario: 'typical', lostOurs: 0, leftOurs: 0 },
    { scenario: 'quiet', lostOurs: 0, leftOurs: 0 },
    { scenario: 'lull', lostOurs: 0, leftOurs: 0 },
  ])
  expect(outcomes[0]?.amplification).toBeLessThan(5)
})

it('loses nothing beside writers of other databases, reads no more for them, and never everything', async () => {
  const chosen = scenarios.filter(({ name }) => ['unrelated', 'neighbours'].includes(name))

  const lanes = [{ source: sourceServer(), target: targetServer() }]
  const outcomes = await playAll(chosen, lanes, { seed: 4, milliseconds: 3000 })

  expect(outcomes).toMatchObject([
    { scenario: 'unrelated', lostOurs: 0, leftOurs: 0, fullRuns: 0 },
    { scenario: 'neighbours', lostOurs: 0, leftOurs: 0, fullRuns: 0 },
  ])
  expect(outcomes.filter(({ amplification }) => amplification >= 5)).toEqual([])
})
