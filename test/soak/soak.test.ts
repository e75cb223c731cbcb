import pg from 'pg'
import { expect, it } from 'vitest'

import { startCluster } from '../../bin/demo/cluster.js'
import { sourceServer, targetServer } from '../setup/database.js'
import type { Outcome } from './play.js'
import { playAll } from './lanes.js'
import { scenarios } from './scenarios.js'
import { liveAWeek } from './week.js'

/** A part of `npm run soak`; the standby has its own test. */
it('loses no row that the usual strategy loses, whatever happens while runs are at work', async () => {
  const servers = { source: sourceServer(), target: targetServer() }
  const canPrepare = await allowsPreparing(servers.source)
  const chosen = scenarios.filter(
    ({ name, standby, writers }) => !standby && writers > 1 && (canPrepare || name !== 'prepared'),
  )
  const outcomes: Outcome[] = []
  for (const seed of [1, 2]) {
    const lanes = Array.from({ length: 6 }, () => servers)
    outcomes.push(...(await playAll(chosen, lanes, { seed, milliseconds: 2000 })))
  }

  expect(outcomes.filter(({ lostOurs, leftOurs }) => lostOurs + leftOurs > 0)).toEqual([])
  expect(outcomes.filter(({ rowsChanged }) => rowsChanged === 0)).toEqual([])
  expect(outcomes.map(({ lostNaive }) => lostNaive).reduce((a, b) => a + b)).toBeGreaterThan(0)
}, 240_000)

it('loses nothing in silence, and reads less than five rows for each that changed under a typical load', async () => {
  // Transactions of other databases would hold a shared server's horizon back.
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
}, 60_000)

it('lets nothing grow over many runs in one process, with faults at random', async () => {
  const { outcomes, lost, faults } = await liveAWeek(
    { source: sourceServer(), target: targetServer() },
    1,
    60,
  )
  expect({ lost, faults }).toEqual({ lost: 0, faults: [] })
  expect(outcomes).toMatchObject({ incremental: expect.any(Number) })
}, 120_000)

async function allowsPreparing(server: string): Promise<boolean> {
  const client = new pg.Client(server)
  await client.connect()
  try {
    const { rows } = await client.query<{ most: string }>(
      `select current_setting('max_prepared_transactions') as most`,
    )
    return rows[0]?.most !== '0'
  } finally {
    await client.end()
  }
}
