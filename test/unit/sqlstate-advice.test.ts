import { expect, it } from 'vitest'

import { adviceOn } from '../../lib/postgres/driver/sqlstate-advice.js'

it.each(['55000', '0A000', '22P05', '22003', '42883', '25P04', 'XX001', 'P0001'])(
  'has advice on SQLSTATE %s on both sides',
  (sqlState) => {
    for (const side of ['source', 'target'] as const) {
      const advice = adviceOn({ side, schema: undefined }, sqlState)
      expect(advice?.what).toMatch(/^[A-Z].*\.$/)
      expect(advice?.remedy.length).toBeGreaterThan(20)
    }
  },
)
