import type { Servers } from './arena.js'
import { play, type Outcome } from './play.js'
import type { Scenario } from './scenarios.js'

export interface LaneOptions {
  readonly seed: number
  readonly milliseconds: number
  readonly onOutcome?: (outcome: Outcome) => void
}

/** Plays each of the scenarios once, as many at a time as there are lanes; lanes of the same server see one another's transactions. */
export async function playAll(
  scenarios: readonly Scenario[],
  lanes: readonly Servers[],
  { seed, milliseconds, onOutcome }: LaneOptions,
): Promise<Outcome[]> {
  const waiting = [...scenarios]
  const outcomes: Outcome[] = []
  const playLane = async (servers: Servers) => {
    for (;;) {
      const at = waiting.findIndex(({ standby }) => !standby || servers.standby)
      const [next] = at < 0 ? [] : waiting.splice(at, 1)
      if (!next) return
      const outcome = await play(next, seed, milliseconds, servers)
      outcomes.push(outcome)
      onOutcome?.(outcome)
    }
  }
  await Promise.all(lanes.map(playLane))
  return outcomes
}
