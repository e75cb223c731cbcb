import { setMaxListeners } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'

import pg from 'pg'

import { openArena, openNeighbour, rowsAtFirst, type Arena, type Servers } from './arena.js'
import { liveDays } from './chatwoot-writer.js'
import { rollDice } from './dice.js'
import { runNaive } from './naive.js'
import { describeLost } from './lost-rows.js'
import { newRuns, runOurs, type Runs } from './ours.js'
import type { Scenario } from './scenarios.js'
import { contents, conversations, items, keysLost } from './subject.js'
import { write, type Crowd } from './writer.js'

/** Milliseconds that stamps may be late: small, so that what the horizon does counts, and not the skew allowed. */
const skewAllowance = 400

export interface Outcome {
  readonly scenario: string
  readonly seed: number
  /** Rows that transactions which were committed have written; not counted for a Chatwoot's days. */
  readonly rowsWritten: number
  /** Rows that our runs have changed in the target after the first one. */
  readonly rowsChanged: number
  readonly lostNaive: number
  readonly lostOurs: number
  /** Rows that ours still holds after a full run though the source has them no more. */
  readonly leftOurs: number
  /** Rows read for each row changed. */
  readonly amplification: number
  readonly runs: number
  readonly fullRuns: number
  readonly marginUsedSeconds: number
  /** Times through which runs said that they have everything, and had not; looked for in a Chatwoot's days alone. */
  readonly brokenClaims: readonly string[]
  /** What was lost, and what the runs before it read. */
  readonly losses: readonly string[]
}

/**
 * Plays a scenario for some milliseconds, and until a run had something to write, with both strategies running, and counts what each of them
 * has lost at its end.
 */
export async function play(
  scenario: Scenario,
  seed: number,
  milliseconds: number,
  servers: Servers,
): Promise<Outcome> {
  const subject = scenario.chatwoot ? conversations : items
  const { standby, ...primary } = servers
  await using arena = await openArena(scenario.standby ? servers : primary, subject)
  await using _unrelated = scenario.unrelated ? await holdTransaction(servers.source) : undefined
  await using neighbour = scenario.elsewhere ? await openNeighbour(servers) : undefined
  if (scenario.standby) await untilReplayed(arena, standby)
  const runs = newRuns(arena, scenario, seed, skewAllowance)
  await Promise.all([runNaive(arena), runOurs(runs)])
  const stop = new AbortController()
  // Each writer waits for it.
  setMaxListeners(0, stop.signal)
  const crowdOf = (url: string) => ({
    url,
    seed,
    skewAllowance,
    stop: stop.signal,
    lastId: rowsAtFirst,
    rowsWritten: 0,
  })
  const crowd = crowdOf(arena.sourceUrl)
  const writers = startWriters(crowd, scenario)
  if (neighbour && scenario.elsewhere)
    writers.push(...startWriters(crowdOf(neighbour.url), { ...scenario, mix: scenario.elsewhere }))
  const strategies = [
    repeatedly(stop.signal, [seed, 1], () => runNaive(arena)),
    repeatedly(stop.signal, [seed, 2], () => runOurs(runs)),
  ]
  const all = Promise.all([...writers, ...strategies])
  await Promise.race([untilPlayed(runs, scenario, milliseconds), all])
  stop.abort()
  await all
  if (scenario.standby) await untilReplayed(arena, standby)
  await Promise.all([runNaive(arena), runOurs(runs, { complete: true })])
  return { ...(await judge(arena, runs)), scenario: scenario.name, seed, rowsWritten: crowd.rowsWritten }
}

async function untilPlayed(runs: Runs, { writers }: Scenario, milliseconds: number): Promise<void> {
  await wait(milliseconds)
  while (writers > 1 && runs.changed === 0) await wait(50)
}

function startWriters(crowd: Crowd, { writers, mix, rest, chatwoot }: Scenario): Promise<void>[] {
  const all = Array.from({ length: writers }, (_, place) => write(crowd, place, { mix, rest }))
  return chatwoot === 'days' ? [...all, liveDays(crowd)] : all
}

async function repeatedly(stop: AbortSignal, seeds: readonly number[], run: () => Promise<void>) {
  const dice = rollDice(...seeds)
  while (!stop.aborted) {
    await run()
    await wait(dice.between(200, 450), undefined, { signal: stop }).catch(() => undefined)
  }
}

/** Compares before the full run, which would hide what the others have lost. */
async function judge(arena: Arena, runs: Runs) {
  const { source, target, subject } = arena
  const live = `${subject.table} where deleted_at is null`
  const truth = await contents(source, subject, subject.relation)
  const ours = await contents(target, subject, live)
  const { rows } = await target.query<{ key: string; content: string }>('select key, content from soak_naive')
  const naive = new Map(rows.map(({ key, content }) => [key, content]))
  const counted = {
    rowsChanged: runs.changed,
    amplification: runs.extracted / Math.max(runs.changed, 1),
    runs: runs.count,
    fullRuns: runs.full,
    marginUsedSeconds: runs.marginUsedSeconds,
    brokenClaims: runs.brokenClaims,
  }
  const lost = keysLost(truth, ours)
  const losses = await describeLost(arena, lost)
  await runOurs(runs, { complete: true, loadType: 'full' })
  const afterwards = await contents(target, subject, live)
  return {
    ...counted,
    lostNaive: keysLost(truth, naive).length,
    lostOurs: lost.length,
    losses,
    leftOurs: keysLost(afterwards, truth).length,
  }
}

/** A transaction with an id in another database of the server, until it is disposed of. */
async function holdTransaction(server: string): Promise<AsyncDisposable> {
  const client = new pg.Client(server)
  await client.connect()
  await client.query('begin')
  await client.query('select pg_current_xact_id()')
  return { [Symbol.asyncDispose]: () => client.end() }
}

/** Until the standby shows all that the primary has committed. */
async function untilReplayed({ source }: Arena, standby: string | undefined): Promise<void> {
  const { rows } = await source.query<{ lsn: string }>('select pg_current_wal_insert_lsn()::text as lsn')
  const client = new pg.Client(standby)
  await client.connect()
  try {
    for (;;) {
      const reached = await client.query<{ done: boolean }>(
        'select pg_last_wal_replay_lsn() >= $1::pg_lsn as done',
        [rows[0]?.lsn],
      )
      if (reached.rows[0]?.done) return
      await wait(50)
    }
  } finally {
    await client.end()
  }
}
