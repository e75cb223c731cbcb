import { setTimeout as wait } from 'node:timers/promises'

import { openArena, type Arena, type Servers } from './arena.js'
import { rollDice, type Dice } from './dice.js'
import { changeSource, recover, untilGone } from './killing.js'
import { conversations } from './subject.js'
import { startVictims, type Victim } from './victim-process.js'

const kinds = ['first load', 'incremental', 'full'] as const

export interface Round {
  readonly kind: (typeof kinds)[number]
  /** State of the killed run: no row yet, its status with the rows that it had committed, or done. */
  readonly killedAt: string
  /** What is wrong after the next run; empty as it should be. */
  readonly faults: readonly string[]
}

/** Kills a run at some moment, lets the next one continue, and looks at what is left. */
export async function killAtAnyMoment(
  arena: Arena,
  victim: Victim,
  dice: Dice,
  turn: number,
): Promise<Round> {
  const { source, target, readerUrl, targetUrl } = arena
  const kind = kinds[turn % kinds.length] ?? 'full'
  if (kind === 'first load') await target.query('truncate conversas_analytics, etl_control')
  await changeSource(arena, turn)
  if (kind === 'full') {
    await source.query('delete from conversations where id = (select max(id) from conversations)')
  }
  const loadType = kind === 'full' ? 'full' : 'incremental'
  const { rowCount: before } = await target.query('select from etl_control')
  await victim.run({ source: readerUrl, target: targetUrl, loadType, batchSize: 40 })
  await wait(dice.between(0, 400))
  victim.signal('SIGKILL')
  await victim.ended()
  const killedAt = await lastRun(arena, before ?? 0)
  const { next, lost, rowsOfControl, running, insertedTooMany, states } = await recover(arena, loadType)
  const started = killedAt === 'no row' ? 1 : 2
  const faults = [
    ...lost.map((key) => `conversation ${key} differs`),
    ...(rowsOfControl === (before ?? 0) + started ? [] : [`${rowsOfControl} rows in etl_control`]),
    ...(running === 0 ? [] : [`${running} rows are running`]),
    ...(insertedTooMany === 0 ? [] : [`${insertedTooMany} inserted rows too many were counted`]),
    ...(states === 1 ? [] : [`${states} states`]),
    ...(next.status === 'success' ? [] : [`the next run ended as ${next.status}`]),
  ]
  return { kind, killedAt, faults }
}

/** Waits until the server has noticed, as it may still insert the row. */
async function lastRun(arena: Arena, before: number): Promise<string> {
  await untilGone(arena)
  const { rows } = await arena.target.query<{ status: string; extracted: number }>(
    `select status, rows_extracted as extracted
     from etl_control
     order by started_at desc
     limit greatest((select count(*) from etl_control) - $1::integer, 0)`,
    [before],
  )
  const [row] = rows
  return row ? `${row.status} with ${row.extracted > 0 ? 'rows' : 'none'}` : 'no row'
}

export async function killRoundAfterRound(servers: Servers, seed: number, rounds: number): Promise<Round[]> {
  await using arena = await openArena(servers, conversations)
  const dice = rollDice(seed)
  const results: Round[] = []
  await using victims = startVictims()
  for (let turn = 0; turn < rounds; turn++) {
    await using victim = victims.next()
    results.push(await killAtAnyMoment(arena, victim, dice, turn))
  }
  return results
}

/** How often runs were killed in which state, and every fault. */
export function describeRounds(rounds: readonly Round[]): string[] {
  const counts = new Map<string, number>()
  for (const { kind, killedAt } of rounds) {
    const name = `${kind}: ${killedAt}`
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  const lines = [...counts].sort().map(([name, count]) => `${String(count).padStart(5)}  ${name}`)
  const faults = rounds.flatMap((round, index) => round.faults.map((fault) => `round ${index}: ${fault}`))
  return [...lines, `${rounds.length} kills, ${faults.length} faults`, ...faults]
}
