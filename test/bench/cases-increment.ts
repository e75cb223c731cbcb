import type { Bench, Group } from './bench.js'
import { compete, requireCounts, spentOn, type Cost, type Strategy } from './contest.js'
import type { ChatwootPair } from './data-chatwoot.js'
import { requireEqual, withClient } from './database.js'
import { atLeastFaster, atMost, told, within } from './findings.js'
import { openProxy } from './proxy.js'
import { seedView } from './seed-view.js'

/** The same few conversations change in a short and in a long history. */
export const increment: Group = {
  name: 'increment',
  shows:
    '200 changed conversations in a long history against a short one, and against a view that aggregates',
  run: async (bench) => {
    const [small, large] = await bothSizes(bench)
    const costs = await compete(
      {
        small: changedRun(bench, small),
        large: changedRun(bench, large),
        smallView: viewRead(small),
        largeView: viewRead(large),
      },
      bench.repeat,
      bench.log,
    )
    for (const pair of [small, large]) {
      await bench.worker.sync(endsOf(pair))
      await pair.check('all')
    }
    const { small: few, large: many, largeView } = costs
    const name = `${large.changed.length} changed in ${large.conversations} conversations`
    return {
      costs: Object.values(costs),
      findings: [
        atMost(name, many.milliseconds, 1.5, inHistory(few, small)),
        atLeastFaster('the same', many.milliseconds, 30, {
          of: 'read through view',
          value: largeView.milliseconds,
        }),
        told('round trips of it', many.sourceTrips + many.targetTrips, 'trips'),
      ],
    }
  },
}

/** Runs that find nothing. */
export const idle: Group = {
  name: 'idle',
  shows: 'a run that finds nothing, in a long history against a short one: time, round trips',
  run: async (bench) => {
    const [small, large] = await bothSizes(bench)
    // What the first runs look up once is known from then on.
    for (const pair of [small, large]) await bench.worker.sync(endsOf(pair))
    const costs = await compete(
      {
        small: emptyRun(bench, small, 'idle'),
        large: emptyRun(bench, large, 'idle'),
        smallBusy: emptyRun(bench, small, 'busy'),
        largeBusy: emptyRun(bench, large, 'busy'),
      },
      bench.repeat,
      bench.log,
    )
    const { small: few, large: many, smallBusy, largeBusy } = costs
    return {
      costs: Object.values(costs),
      findings: [
        atMost(
          `no change in ${large.conversations} conversations`,
          many.milliseconds,
          1.2,
          inHistory(few, small),
        ),
        within(
          'round trips of it, both servers, connecting too',
          many.sourceTrips + many.targetTrips,
          12,
          'trips',
        ),
        told('of these, to connect', await connectTrips(large), 'trips'),
        told(
          'no change, but other writes',
          largeBusy.milliseconds,
          'ms',
          largeBusy.milliseconds / smallBusy.milliseconds,
        ),
      ],
    }
  },
}

/** Both servers ask for the password in the same way. */
async function connectTrips({ source }: ChatwootPair): Promise<number> {
  await using proxy = await openProxy(source.url)
  await withClient(proxy.url, async () => undefined)
  return 2 * proxy.trips()
}

async function bothSizes(bench: Bench): Promise<[ChatwootPair, ChatwootPair]> {
  return [await bench.chatwoot('small'), await bench.chatwoot('large')]
}

/** An incremental run after the conversations have changed. */
export function changedRun({ worker }: Pick<Bench, 'worker'>, pair: ChatwootPair): Strategy {
  const rows = pair.changed.length
  const name = `ours: ${rows} changed in ${pair.conversations}`
  return {
    name,
    rows,
    pair,
    prepare: () => pair.change(),
    run: (ends) => worker.sync(ends),
    check: async (spent) => {
      requireCounts(name, spent, { rowsExtracted: rows, rowsUpdated: rows })
      await pair.check('changed')
    },
  }
}

/** Only the reading, as the usual script does it with the latest stamp that it has seen; nothing is loaded. */
function viewRead(pair: ChatwootPair): Strategy {
  const rows = pair.changed.length
  const name = `view: ${rows} changed in ${pair.conversations}`
  let watermark = ''
  let found = 0
  return {
    name,
    rows,
    pair,
    prepare: async () => {
      watermark = await pair.change()
    },
    run: ({ source }) =>
      spentOn(() =>
        withClient(source, async (client) => {
          const text = `select * from ${seedView} where conversation_updated_at > $1::timestamp`
          found = (await client.query(text, [watermark])).rows.length
        }),
      ),
    // More than one answer to the survey gives more than one row.
    check: async () => requireEqual(`${name}: ${found} rows`, String(found >= rows), 'true'),
  }
}

/** `idle`: nobody wrote since the last run. `busy`: somebody wrote something else, so that the run has to look. */
function emptyRun({ worker }: Bench, pair: ChatwootPair, kind: 'idle' | 'busy'): Strategy {
  const name = `ours: no change in ${pair.conversations}, ${kind}`
  return {
    name,
    rows: 0,
    pair,
    prepare: async () => {
      if (kind === 'idle') await worker.sync(endsOf(pair))
      else await pair.source.query('select pg_current_xact_id()')
    },
    run: (ends) => worker.sync(ends),
    check: async (spent) => {
      requireCounts(name, spent, { rowsExtracted: 0 })
      await pair.check('changed')
    },
  }
}

const endsOf = ({ source, target }: ChatwootPair) => ({ source: source.url, target: target.url })

const inHistory = ({ milliseconds }: Cost, { conversations }: ChatwootPair) => ({
  of: `${conversations} conversations`,
  value: milliseconds,
})
