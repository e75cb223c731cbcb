import type { Cluster } from '../../../bin/demo/cluster.js'
import { median } from '../contest.js'
import { requireEqual } from '../database.js'
import { openContestant, type Contestant } from './contestant.js'
import type { Peer } from './peer.js'
import { digest, type TaskData } from './task-data.js'

/** What one tool took in a round, from an empty target on; null where it has no such run. */
export interface Sample {
  readonly firstLoad: number
  /** Medians of the turns. */
  readonly nothingChanged: number | null
  readonly thousandChanged: number | null
  readonly peakBytes: number
  /** Of the first load. */
  readonly walBytes: number
}

/** Short runs take turns so often, as a machine that others use is slower at one moment than at the next. */
const turns = 5

/** A round of all of these, in this order. Throws when a target does not hold what the source does. */
export async function measureRound(
  peers: readonly Peer[],
  installed: ReadonlyMap<Peer, string>,
  data: TaskData,
  cluster: Cluster,
): Promise<ReadonlyMap<Peer, Sample>> {
  const all: Contestant[] = []
  try {
    for (const peer of peers)
      all.push(await openContestant(peer, installed.get(peer) ?? '', data.task, cluster))
    return await measureAll(all, data)
  } finally {
    for (const each of all) await each[Symbol.asyncDispose]()
    await data.restore()
  }
}

async function measureAll(all: readonly Contestant[], data: TaskData): Promise<ReadonlyMap<Peer, Sample>> {
  const loads = new Map<Peer, Pick<Sample, 'firstLoad' | 'walBytes'>>()
  for (const each of all) {
    const before = await each.target.walBytes()
    const firstLoad = await each.run(true)
    loads.set(each.peer, { firstLoad, walBytes: (await each.target.walBytes()) - before })
    await requireSame(each, 'first load')
    await each.target.query('vacuum analyze')
  }
  const syncing = all.filter(({ peer }) => peer.kind !== 'floor')
  const nothing = await inTurns(syncing, data.live, 'nothing changed')
  const changed = await inTurns(syncing, data.change, '1,000 changed')
  return new Map(
    all.map(({ peer, peakBytes }) => [
      peer,
      {
        ...(loads.get(peer) ?? { firstLoad: NaN, walBytes: NaN }),
        nothingChanged: nothing.get(peer) ?? null,
        thousandChanged: changed.get(peer) ?? null,
        peakBytes: peakBytes(),
      },
    ]),
  )
}

async function inTurns(
  all: readonly Contestant[],
  prepare: () => Promise<void>,
  what: string,
): Promise<ReadonlyMap<Peer, number>> {
  const took = new Map<Peer, number[]>(all.map(({ peer }) => [peer, []]))
  for (let turn = 0; turn < turns; turn += 1) {
    await prepare()
    for (const each of turn % 2 === 0 ? all : [...all].reverse())
      took.get(each.peer)?.push(await each.run(false))
  }
  for (const each of all) await requireSame(each, what)
  return new Map([...took].map(([peer, times]) => [peer, median(times)]))
}

async function requireSame({ peer, task }: Contestant, what: string): Promise<void> {
  const [there, here] = await Promise.all([
    digest(task.source, task.table, task),
    digest(task.target, peer.tableOf(task), task),
  ])
  requireEqual(`${peer.name}, ${what} (${here} of ${there})`, here, there)
}
