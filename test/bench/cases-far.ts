import type { Group } from './bench.js'
import { changedRun } from './cases-increment.js'
import { compete, type Strategy } from './contest.js'
import { atMost, told, within } from './findings.js'
import { empty, ourLoad } from './loading.js'
import { openProxy } from './proxy.js'

/** Milliseconds by which a round trip to a far source takes longer. */
const distance = 40

/** A source that is far away: the network delays everything and limits nothing. */
export const far: Group = {
  name: 'far',
  shows: `a source behind ${distance} ms of delay: bulk load against the same without, increment`,
  run: async (bench) => {
    const { worker, repeat, log } = bench
    const wide = await bench.wide()
    const large = await bench.chatwoot('large')
    const costs = await compete(
      {
        // Also through a proxy, as that takes a part of a core.
        near: through(0, ourLoad(worker, wide, empty, 'far_near')),
        far: through(distance / 2, ourLoad(worker, wide, empty, 'far_far')),
        increment: through(distance / 2, changedRun(bench, large)),
      },
      repeat,
      log,
    )
    const { near, increment } = costs
    return {
      costs: Object.values(costs),
      findings: [
        atMost(`bulk load, source ${distance} ms away`, costs.far.milliseconds, 1.3, {
          of: 'the same without delay',
          value: near.milliseconds,
        }),
        within(`increment, source ${distance} ms away: trips to it`, increment.sourceTrips, 12, 'trips'),
        told('time of it', increment.milliseconds, 'ms'),
      ],
    }
  },
}

/** The same with the source behind a proxy. */
function through(delay: number, strategy: Strategy): Strategy {
  return {
    ...strategy,
    name: `${strategy.name}, ${delay * 2} ms away`,
    run: async ({ source, target }) => {
      await using proxy = await openProxy(source, delay)
      return await strategy.run({ source: proxy.url, target })
    },
  }
}
