import { parseArgs } from 'node:util'

import { startCluster } from '../../lib/demo/cluster.js'
import { buildTemplates } from '../setup/templates.js'
import type { Servers } from './arena.js'
import { describeRounds, killRoundAfterRound } from './kill-rounds.js'
import { play, type Outcome } from './play.js'
import { scenarios, type Scenario } from './scenarios.js'
import { describeOutcome, summarize } from './score.js'
import { primarySettings, startStandby } from './standby.js'

const usage = `npm run soak -- [--seed N] [--seeds K | --minutes M] [--seconds S] [--scenario name]... [--lanes L] [--json]

Lets concurrent writers loose on a source while this package and the usual strategy (> max(updated_at)) sync it side by side,
and counts the rows that each of them lost. Exit code 1 when this package lost any, or the usual strategy none.

  --seed N         first seed (default 1)
  --seeds K        how many seeds (default 20)
  --minutes M      as many seeds as fit into M minutes
  --seconds S      how long each scenario plays (default 4)
  --scenario name  only this one, may be repeated: ${scenarios.map(({ name }) => name).join(', ')}
  --lanes L        scenarios at a time (default 4)
  --json           the outcomes as JSON
  --kill           instead, kill runs at random moments: --rounds N (default 100)`

const { values: given } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '20' },
    minutes: { type: 'string' },
    seconds: { type: 'string', default: '4' },
    scenario: { type: 'string', multiple: true },
    lanes: { type: 'string', default: '4' },
    json: { type: 'boolean', default: false },
    kill: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '100' },
    help: { type: 'boolean', default: false },
  },
})

/** Milliseconds by which the standby is behind. */
const replayDelay = 1500

async function main(): Promise<void> {
  if (given.help) return console.log(usage)
  const chosen = scenarios.filter(({ name }) => !given.scenario || given.scenario.includes(name))
  if (given.kill) return killRounds(Number(given.seed), Number(given.rounds))
  if (chosen.length === 0) throw new Error(`No such scenario.\n\n${usage}`)
  await using source = await startCluster({ settings: primarySettings })
  await using target = await startCluster()
  await buildTemplates(source.url(), target.url())
  const hasStandby = chosen.some(({ standby }) => standby)
  await using standby = hasStandby ? await startStandby(source, replayDelay) : undefined
  const servers: Servers = { source: source.url(), target: target.url(), standby: standby?.url() }
  const outcomes = await playSeeds(chosen, servers)
  console.log(given.json ? JSON.stringify(outcomes, null, 2) : summarize(outcomes))
  const lost = outcomes.filter(({ lostOurs, leftOurs }) => lostOurs + leftOurs > 0)
  if (lost.length > 0 || outcomes.every(({ lostNaive }) => lostNaive === 0)) process.exitCode = 1
}

async function playSeeds(chosen: readonly Scenario[], servers: Servers): Promise<Outcome[]> {
  const first = Number(given.seed)
  const deadline = given.minutes === undefined ? undefined : Date.now() + Number(given.minutes) * 60_000
  const isDone = (seed: number) =>
    deadline === undefined ? seed >= first + Number(given.seeds) : Date.now() >= deadline
  const outcomes: Outcome[] = []
  const playOne = async (scenario: Scenario, seed: number) => {
    const outcome = await play(scenario, seed, Number(given.seconds) * 1000, servers)
    outcomes.push(outcome)
    if (!given.json) console.log(describeOutcome(outcome))
  }
  for (let seed = first; !isDone(seed); seed++) {
    const together = chosen.filter(({ alone }) => !alone)
    const lane = async () => {
      for (let next = together.shift(); next; next = together.shift()) await playOne(next, seed)
    }
    await Promise.all(Array.from({ length: Number(given.lanes) }, lane))
    for (const scenario of chosen.filter(({ alone }) => alone)) await playOne(scenario, seed)
  }
  return outcomes
}

async function killRounds(seed: number, rounds: number): Promise<void> {
  await using source = await startCluster()
  await using target = await startCluster()
  await buildTemplates(source.url(), target.url())
  const results = await killRoundAfterRound({ source: source.url(), target: target.url() }, seed, rounds)
  if (given.json) console.log(JSON.stringify(results, null, 2))
  else for (const line of describeRounds(results)) console.log(line)
  if (results.some(({ faults }) => faults.length > 0)) process.exitCode = 1
}

await main()
