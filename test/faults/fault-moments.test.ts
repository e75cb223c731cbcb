import { expect, it } from 'vitest'

import { sourceServer, targetServer } from '../setup/database.js'
import { share } from '../setup/share.js'
import { breakRoundAfterRound } from '../soak/fault-rounds.js'

/** `npm run soak -- --faults --rounds N` plays more of them. */
it('survives wires that break at many moments on either side, or says which one stays broken', async () => {
  const servers = { source: sourceServer(), target: targetServer() }

  const rounds = await breakRoundAfterRound(
    servers,
    share({ seed: 99, rounds: 5, lanes: 1 }, { seed: 2026, rounds: 200, lanes: 10 }),
  )

  expect(rounds.filter(({ violations }) => violations.length > 0)).toEqual([])
  const seen = new Set(
    rounds.filter(({ struck }) => struck).map(({ side, fault }) => `${side} ${fault.kind}`),
  )
  // Ten rounds in a row play each kind of fault on either side.
  expect(seen.size).toBe(share(5, 10))
})
