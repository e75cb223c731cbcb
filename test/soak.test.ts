import pg from 'pg'
import { expect, it } from 'vitest'

import { sourceServer, targetServer } from './setup/database.js'
import type { Outcome } from './soak/play.js'
import { playAll } from './soak/lanes.js'
import { scenarios } from './soak/scenarios.js'

/** A part of `npm run soak`; the standby has its own test. */
it('loses no row that the usual strategy loses, whatever happens while runs are at work', async () => {
  const servers = { source: sourceServer(), target: targetServer() }
  const canPrepare = await allowsPreparing(servers.source)
  const chosen = scenarios.filter(({ name, standby }) => !standby && (canPrepare || name !== 'prepared'))
  const outcomes: Outcome[] = []
  for (const seed of [1, 2]) {
    outcomes.push(...(await playAll(chosen, servers, { seed, milliseconds: 2000, lanes: 6 })))
  }

  expect(outcomes.filter(({ lostOurs, leftOurs }) => lostOurs + leftOurs > 0)).toEqual([])
  expect(outcomes.map(({ lostNaive }) => lostNaive).reduce((a, b) => a + b)).toBeGreaterThan(0)
  expect(new Set(outcomes.filter(({ rowsChanged }) => rowsChanged === 0))).toEqual(new Set())
  for (const { scenario, amplification } of outcomes) {
    if (scenario === 'typical') expect(amplification).toBeLessThan(5)
  }
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
