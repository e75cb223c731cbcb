import { CompiledQuery } from 'kysely'

import type { Session } from '../../postgres/driver/session.js'
import { ok, warning, type Check } from './check.js'

/** How far a clock is ahead of this host's, and by how much that may be wrong; milliseconds. */
interface Offset {
  readonly ahead: number
  readonly error: number
}

/**
 * Whether the clocks of source, target and this host agree well enough. The allowance, in milliseconds, has to cover the clock error
 * between Chatwoot's own hosts and its database, which cannot be seen from here; where these differ, those may as well.
 */
export async function checkClocks(source: Session, target: Session, skewAllowance: number): Promise<Check[]> {
  const clocks = {
    source: await offsetOf(source),
    target: await offsetOf(target),
    'this host': { ahead: 0, error: 0 },
  }
  const pairs = [
    ['source', 'this host'],
    ['target', 'this host'],
    ['source', 'target'],
  ] as const
  const differences = pairs.map(([one, other]) => ({ one, other, ...between(clocks[one], clocks[other]) }))
  const large = differences.filter(({ apart, error }) => apart - error > skewAllowance / 2)
  if (large.length === 0) {
    const most = Math.max(...differences.map(({ apart }) => apart))
    return [
      ok('clocks', `The clocks of source, target and this host are ${secondsText(most)} s apart at most.`),
    ]
  }
  return large.map(({ one, other, apart }) =>
    warning(
      'clocks',
      `The clocks of ${one} and ${other} are ${secondsText(apart)} s apart, over half of the skew allowance of ${skewAllowance / 1000} s.`,
      'Let NTP set the clocks, those of the hosts of Chatwoot above all, or raise the skew allowance.',
    ),
  )
}

/** The best of three: the shorter the round trip, the surer it is. */
async function offsetOf(session: Session): Promise<Offset> {
  const samples: Offset[] = []
  for (let round = 0; round < 3; round += 1) {
    const before = Date.now()
    const [row] = await session.rows(
      CompiledQuery.raw('select (extract(epoch from clock_timestamp()) * 1000)::bigint::text'),
    )
    const error = (Date.now() - before) / 2
    samples.push({ ahead: Number(row?.[0]) - (before + error), error: error + 1 })
  }
  return samples.reduce((best, sample) => (sample.error < best.error ? sample : best))
}

function between(one: Offset, other: Offset) {
  return { apart: Math.abs(one.ahead - other.ahead), error: one.error + other.error }
}

function secondsText(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 0)
}
