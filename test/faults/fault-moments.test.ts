import { expect, it } from 'vitest'

import { sourceServer, targetServer } from '../setup/database.js'
import { breakRoundAfterRound } from '../soak/fault-rounds.js'

/** `npm run soak -- --faults --rounds N` plays more of them. */
it('survives wires that break at 200 moments on either side, or says which one stays broken', async () => {
  const servers = { source: sourceServer(), target: targetServer() }

  const rounds = await breakRoundAfterRound(servers, { seed: 2026, rounds: 200, lanes: 10 })

  expect(rounds.filter(({ complaints }) => complaints.length > 0)).toEqual([])
  const seen = new Set(
    rounds.filter(({ struck }) => struck).map(({ side, fault }) => `${side} ${fault.kind}`),
  )
  expect(seen.size).toBe(10)
}, 240_000)
