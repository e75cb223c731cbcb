import { clockQuery } from '../../postgres/driver/clock.js'
import type { Session } from '../../postgres/driver/session.js'
import { ok, warning, type Check } from './check.js'

/** By how much a clock is ahead of this host's, and by how much that may be wrong; milliseconds. */
interface Offset {
  readonly ahead: number
  readonly error: number
}

/**
 * Whether the clocks of source, target and this host agree. The skew allowance, in milliseconds, has to cover the difference between the
 * clocks of Chatwoot's own hosts and its database, which cannot be measured from here; where these three differ, those may as well.
 */
export async function checkClocks(source: Session, target: Session, skewAllowance: number): Promise<Check[]> {
  const clocks = {
    'the source': await offsetOf(source),
    'the target': await offsetOf(target),
    'this host': { ahead: 0, error: 0 },
  }
  const pairs = [
    ['the source', 'this host'],
    ['the target', 'this host'],
    ['the source', 'the target'],
  ] as const
  const differences = pairs.map(([one, other]) => ({ one, other, ...between(clocks[one], clocks[other]) }))
  const large = differences.filter(({ apart, error }) => apart - error > skewAllowance / 2)
  if (large.length === 0) {
    const most = secondsText(Math.max(...differences.map(({ apart }) => apart)))
    return [ok('clocks', `The clocks of the source, the target and this host differ by at most ${most} s.`)]
  }
  return large.map(({ one, other, apart }) =>
    warning(
      'clocks',
      `The clocks of ${one} and ${other} differ by ${secondsText(apart)} s, more than half of the skew allowance of ${skewAllowance / 1000} s.`,
      'Synchronize the clocks with NTP, above all those of the hosts of Chatwoot, or raise the skew allowance.',
    ),
  )
}

/** The best of three: the shorter the round trip, the smaller the error. */
async function offsetOf(session: Session): Promise<Offset> {
  const samples: Offset[] = []
  for (let round = 0; round < 3; round += 1) {
    const before = Date.now()
    const [row] = await session.rows(clockQuery)
    const error = (Date.now() - before) / 2
    samples.push({ ahead: Number(row?.now) / 1000 - (before + error), error: error + 1 })
  }
  return samples.reduce((best, sample) => (sample.error < best.error ? sample : best))
}

function between(one: Offset, other: Offset) {
  return { apart: Math.abs(one.ahead - other.ahead), error: one.error + other.error }
}

function secondsText(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 0)
}
