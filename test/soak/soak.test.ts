import pg from 'pg'
import { expect, it } from 'vitest'

import { sourceServer, targetServer } from '../setup/database.js'
import { share } from '../setup/share.js'
import type { Outcome } from './play.js'
import { playAll } from './lanes.js'
import { liveALakeMonth } from './lake-month.js'
import { scenarios } from './scenarios.js'
import { liveAWeek } from './week.js'

/** A part of `npm run soak`; the standby has its own test. */
it('loses no row that the usual strategy loses, whatever happens during the runs', async () => {
  const servers = { source: sourceServer(), target: targetServer() }
  const canPrepare = await allowsPreparing(servers.source)
  const names = share(
    ['latexid', 'deletes'],
    scenarios.map(({ name }) => name),
  )
  const prepares = ['prepared', 'neighbours']
  const chosen = scenarios.filter(
    ({ name, standby, writers }) =>
      names.includes(name) && !standby && writers > 1 && (canPrepare || !prepares.includes(name)),
  )
  const outcomes: Outcome[] = []
  const lostNaive = () => outcomes.reduce((sum, outcome) => sum + outcome.lostNaive, 0)
  // Where little is written in that time, as on a busy machine, the usual strategy may lose nothing at first.
  for (let seed = 1; seed <= share(1, 2) || lostNaive() === 0; seed += 1) {
    const lanes = Array.from({ length: 6 }, () => servers)
    outcomes.push(...(await playAll(chosen, lanes, { seed, milliseconds: share(1000, 2000) })))
  }

  expect(outcomes.filter(({ lostOurs, leftOurs }) => lostOurs + leftOurs > 0)).toEqual([])
  expect(outcomes.filter(({ rowsChanged }) => rowsChanged === 0)).toEqual([])
  expect(outcomes.flatMap(({ brokenClaims }) => brokenClaims)).toEqual([])
  expect(lostNaive()).toBeGreaterThan(0)
})

it('lets nothing grow over many runs in one process, with faults at random', async () => {
  const { outcomes, lost, faults } = await liveAWeek(
    { source: sourceServer(), target: targetServer() },
    1,
    share(6, 60),
  )
  expect({ lost, faults }).toEqual({ lost: 0, faults: [] })
  expect(outcomes).toMatchObject({ incremental: expect.any(Number) })
})

it('keeps two lakes equal over many runs in one process, with faults at random, and leaves nothing behind', async () => {
  const servers = { source: sourceServer(), target: targetServer() }
  const { lakes, faults } = await liveALakeMonth(servers, 1, share(20, 100))
  expect({ faults }).toEqual({ faults: [] })
  expect(lakes).not.toEqual({})
})

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
