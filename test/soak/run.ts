import { parseArgs } from 'node:util'

import { startCluster, type Cluster } from '../../bin/demo/cluster.js'
import { buildTemplates } from '../setup/templates.js'
import type { Servers } from './arena.js'
import { breakRoundAfterRound, describeFaultRounds } from './fault-rounds.js'
import { describeRounds, killRoundAfterRound } from './kill-rounds.js'
import { describeLakeMonth, liveALakeMonth } from './lake-month.js'
import { playAll } from './lanes.js'
import type { Outcome } from './play.js'
import { scenarios, type Scenario } from './scenarios.js'
import { describeOutcome, summarize } from './score.js'
import { primarySettings, startStandby } from './standby.js'
import { verifyPlanted } from './verify-planted.js'
import { describeWeek, liveAWeek } from './week.js'

const usage = `npm run soak -- [--seed N] [--seeds K | --minutes M] [--seconds S] [--scenario name]... [--lanes L] [--json]
npm run soak -- --kill [--seed N] [--rounds K] [--json]
npm run soak -- --faults [--seed N] [--rounds K] [--lanes L] [--json]
npm run soak -- --verify [--rows N] [--json]
npm run soak -- --week [--seed N] [--runs N] [--json]
npm run soak -- --lake [--seed N] [--runs N] [--json]

Lets concurrent writers loose on a source while this package and the usual strategy (> max(updated_at)) sync it side by side,
and counts the rows that each of them has lost. Exit code 1 when this package lost any, or said that it has everything through a time
and had not, or when the usual strategy lost none over all.

  --seed N         first seed (default 1)
  --seeds K        how many seeds (default 20)
  --minutes M      as many seeds as begin within M minutes
  --seconds S      how long each scenario plays (default 4)
  --scenario name  only this one, may be repeated: ${scenarios.map(({ name }) => name).join(', ')}
  --lanes L        scenarios at a time (default 4)
  --kill           kills runs at random moments and looks at what the next run makes of it: --rounds K (default 100)
  --faults         breaks the wire to the source or the target at random moments of --rounds K runs (default 100)
  --verify         plants differences in a table of --rows N (default 100000) and looks whether they are found and fixed
  --week           --runs N runs (default 10000) in one process while connections are cut and runs stopped: does anything grow?
  --lake           the same, with two lakes after each tenth run: are they equal, and is nothing left behind?
  --json           the results as JSON`

/** Milliseconds by which the standby is behind. */
const replayDelay = 1500

const { values: given } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '20' },
    minutes: { type: 'string' },
    seconds: { type: 'string', default: '4' },
    scenario: { type: 'string', multiple: true, default: scenarios.map(({ name }) => name) },
    lanes: { type: 'string', default: '4' },
    kill: { type: 'boolean', default: false },
    faults: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '100' },
    verify: { type: 'boolean', default: false },
    rows: { type: 'string', default: '100000' },
    week: { type: 'boolean', default: false },
    lake: { type: 'boolean', default: false },
    runs: { type: 'string', default: '10000' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

async function main(): Promise<void> {
  if (given.help) {
    console.log(usage)
    return
  }
  const clusters: Cluster[] = []
  const start = async (starting: Promise<Cluster>) => {
    const cluster = await starting
    clusters.unshift(cluster)
    return cluster
  }
  try {
    if (given.kill) await killRuns(await startLane(start))
    else if (given.faults) await breakWires(await startLane(start))
    else if (given.lake) await lake(await startLane(start))
    else if (given.week) await week(await startLane(start))
    else if (given.verify) await verify(await startLane(start))
    else await soak(start)
  } finally {
    // The last one first: a standby before its primary.
    for (const cluster of clusters) await cluster.stop('immediate')
  }
}

type Start = (starting: Promise<Cluster>) => Promise<Cluster>

/** A source of its own, so that what happens in one lane delays nothing in the others. */
async function startLane(start: Start, { target, needsStandby = false }: LaneNeeds = {}): Promise<Servers> {
  const source = await start(startCluster({ settings: primarySettings }))
  const targetUrl = target ?? (await start(startCluster())).url()
  await buildTemplates(source.url(), targetUrl)
  const standby = needsStandby ? await start(startStandby(source, replayDelay)) : undefined
  return { source: source.url(), target: targetUrl, standby: standby?.url() }
}

interface LaneNeeds {
  readonly target?: string | undefined
  readonly needsStandby?: boolean
}

async function soak(start: Start): Promise<void> {
  const chosen = scenarios.filter(({ name }) => given.scenario.includes(name))
  if (chosen.length === 0) throw new Error(`There is no such scenario.\n\n${usage}`)
  const lanes: Servers[] = []
  while (lanes.length < Number(given.lanes)) {
    const needsStandby = lanes.length === 0 && chosen.some(({ standby }) => standby)
    lanes.push(await startLane(start, { target: lanes[0]?.target, needsStandby }))
  }
  const outcomes = await playSeeds(chosen, lanes)
  console.log(given.json ? JSON.stringify(outcomes, null, 2) : summarize(outcomes))
  const hasLost = outcomes.some(
    ({ lostOurs, leftOurs, brokenClaims }) => lostOurs + leftOurs + brokenClaims.length > 0,
  )
  if (hasLost || outcomes.every(({ lostNaive }) => lostNaive === 0)) process.exitCode = 1
}

async function playSeeds(chosen: readonly Scenario[], lanes: readonly Servers[]): Promise<Outcome[]> {
  const first = Number(given.seed)
  const milliseconds = Number(given.seconds) * 1000
  const deadline = given.minutes === undefined ? undefined : Date.now() + Number(given.minutes) * 60_000
  const isDone = (seed: number) =>
    deadline === undefined ? seed >= first + Number(given.seeds) : Date.now() >= deadline
  const onOutcome = (outcome: Outcome) => given.json || console.log(describeOutcome(outcome))
  const outcomes: Outcome[] = []
  for (let seed = first; !isDone(seed); seed++) {
    outcomes.push(...(await playAll(chosen, lanes, { seed, milliseconds, onOutcome })))
  }
  return outcomes
}

async function killRuns(servers: Servers): Promise<void> {
  const rounds = await killRoundAfterRound(servers, Number(given.seed), Number(given.rounds))
  console.log(given.json ? JSON.stringify(rounds, null, 2) : describeRounds(rounds).join('\n'))
  if (rounds.some(({ faults }) => faults.length > 0)) process.exitCode = 1
}

async function breakWires(servers: Servers): Promise<void> {
  const [seed, rounds, lanes] = [given.seed, given.rounds, given.lanes].map(Number)
  const results = await breakRoundAfterRound(servers, {
    seed: seed ?? 1,
    rounds: rounds ?? 100,
    lanes: lanes ?? 4,
  })
  console.log(given.json ? JSON.stringify(results, null, 2) : describeFaultRounds(results).join('\n'))
  if (results.some(({ violations }) => violations.length > 0)) process.exitCode = 1
}

async function week(servers: Servers): Promise<void> {
  const result = await liveAWeek(servers, Number(given.seed), Number(given.runs))
  console.log(given.json ? JSON.stringify(result, null, 2) : describeWeek(result).join('\n'))
  if (result.faults.length > 0) process.exitCode = 1
}

async function lake(servers: Servers): Promise<void> {
  const result = await liveALakeMonth(servers, Number(given.seed), Number(given.runs))
  console.log(given.json ? JSON.stringify(result, null, 2) : describeLakeMonth(result).join('\n'))
  if (result.faults.length > 0) process.exitCode = 1
}

async function verify(servers: Servers): Promise<void> {
  const result = await verifyPlanted(servers, Number(given.rows))
  console.log(JSON.stringify(result, null, 2))
  if (result.faults.length > 0) process.exitCode = 1
}

await main()
