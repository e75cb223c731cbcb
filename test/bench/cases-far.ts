import type { Group } from './bench.js'
import { changedRun } from './cases-increment.js'
import { compete, type Cost, type Strategy } from './contest.js'
import { atLeastFaster, atMost, told, within } from './findings.js'
import { empty, ourLoad } from './loading.js'
import { openProxy, type Link } from './proxy.js'

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
        near: through({ delay: 0 }, ourLoad(worker, wide, empty, 'far_near')),
        far: through({ delay: distance / 2 }, ourLoad(worker, wide, empty, 'far_far')),
        increment: through({ delay: distance / 2 }, changedRun(bench, large)),
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

/** What one connection carries of a link that is far and narrow: as over the internet, where only several fill it. */
const narrow = { delay: distance / 2, bytesPerSecond: 4 * 1024 * 1024 } as const

/** Over four connections, from far away and from beside. */
export const parallel: Group = {
  name: 'parallel',
  shows: `bulk load over four connections against one: ${distance} ms away with 4 MB/s for each, and over loopback`,
  run: async ({ worker, repeat, log, wide: openWide }) => {
    const wide = await openWide()
    const load = (table: string, connections: number) =>
      ourLoad(worker, wide, empty, table, { parallel: connections })
    const costs = await compete(
      {
        farOne: through(narrow, load('far_one', 1)),
        farFour: through(narrow, load('far_four', 4)),
        one: load('near_one', 1),
        four: load('near_four', 4),
      },
      // Slow by the link, and so the same each time.
      Math.min(repeat, 3),
      log,
    )
    const of = (name: string, { milliseconds }: Cost) => ({ of: name, value: milliseconds })
    return {
      costs: Object.values(costs),
      findings: [
        atLeastFaster(
          `bulk load over four connections, ${distance} ms and 4 MB/s each`,
          costs.farFour.milliseconds,
          2,
          of('over one', costs.farOne),
        ),
        atMost('the same over loopback', costs.four.milliseconds, 1, of('over one', costs.one)),
      ],
    }
  },
}

/** The same with the source behind a proxy. */
function through(link: Link, strategy: Strategy): Strategy {
  const rate = link.bytesPerSecond === undefined ? '' : `, ${link.bytesPerSecond / 1024 / 1024} MB/s`
  return {
    ...strategy,
    name: `${strategy.name}, ${link.delay * 2} ms away${rate}`,
    run: async ({ source, target }) => {
      await using proxy = await openProxy(source, link)
      return await strategy.run({ source: proxy.url, target })
    },
  }
}
