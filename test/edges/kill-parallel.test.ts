import { afterAll, beforeAll, expect, it } from 'vitest'

import { sourceServer, targetServer } from '../setup/database.js'
import { share } from '../setup/share.js'
import { leaveFew, openArena, type Arena } from '../soak/arena.js'
import { rollDice } from '../soak/dice.js'
import { append, changeSource, range, recover, steps, strikeAt, type Step } from '../soak/killing.js'
import { conversations } from '../soak/subject.js'
import { startVictims, type Victims } from '../soak/victim-process.js'

let arena: Arena
let victims: Victims
let turn = 0

/** Conversations, of which a first load writes batches in ranges for three connections. */
const few = 120
const load = { parallel: 3, batchSize: 5 } as const

beforeAll(async () => {
  victims = startVictims()
  arena = await openArena({ source: sourceServer(), target: targetServer() }, conversations)
  await leaveFew(arena, few)
})

afterAll(async () => {
  await victims[Symbol.asyncDispose]()
  await arena[Symbol.asyncDispose]()
})

const commit = steps.filter(({ name }) => name === 'commit')
const moments = [append, range, ...commit].flatMap((step) =>
  (['before', 'after'] as const).map((when) => ({ ...step, when })),
)
/** Each moment, and over how many connections the next run resumes. */
const cases = moments.flatMap((moment) => [1, 2, 5].map((again) => ({ ...moment, again })))
const firstCases = ['range after 5']
const chosen = share(
  cases.filter(({ name, when, again }) => firstCases.includes(`${name} ${when} ${again}`)),
  cases,
)

/** Kills a first load after several batches of several connections. */
async function killLoad({ side, moment }: Step, when: 'before' | 'after'): Promise<void> {
  await arena.target.query('truncate conversas_analytics, etl_control')
  await using victim = victims.next()
  const strike = { side, moment: { ...moment, when, nth: 8 }, signal: 'SIGKILL' } as const
  await using struck = await strikeAt(arena, victim, strike, load)
  expect(await victim.ended()).toBeUndefined()
  expect(struck.struck()).toBe(true)
}

/** Rows that all runs say they have read, less those that are there. */
async function readTooMany(): Promise<unknown> {
  const { rows } = await arena.target.query(
    'select (sum(rows_extracted) - (select count(*) from conversas_analytics))::integer as rows from etl_control',
  )
  return rows[0]
}

it.each(chosen)(
  'goes on over $again connections with a first load over three that was killed $when a $name',
  async ({ when, again, ...step }) => {
    await killLoad(step, when)

    const { next, ...aftermath } = await recover(arena, 'incremental', { ...load, parallel: again })

    expect(aftermath).toEqual({ lost: [], rowsOfControl: 2, running: 0, insertedTooMany: 0, states: 1 })
    expect(next).toMatchObject({ status: 'success', loadType: 'full', rowsUpdated: 0 })
    expect(next.reason).toMatch(/^resumes the full load of run /)
    // What the killed run had committed was not read again.
    expect(await readTooMany()).toEqual({ rows: 0 })
    // Nothing of the ranges is left to a later run.
    const { rows } = await arena.target.query(`select from etl_control where state ? 'ranges'`)
    expect(rows).toEqual([])
  },
)

it('is resumed by a release that knows no ranges, which reads what lies between them again', async () => {
  await killLoad(range, 'after')
  await arena.target.query(`update etl_control set state = state - 'ranges'`)
  const { next, ...aftermath } = await recover(arena)
  expect(aftermath).toEqual({ lost: [], rowsOfControl: 2, running: 0, insertedTooMany: 0, states: 1 })
  expect(next).toMatchObject({ loadType: 'full', rowsUpdated: 0 })
})

it('ends equal after loads that were killed at any moment, again and again', async () => {
  const dice = rollDice(2026)
  for (let round = 0; round < share(1, 20); round++) {
    await arena.target.query('truncate conversas_analytics, etl_control')
    for (let kills = 0; kills < 3; kills++) {
      await changeSource(arena, ++turn)
      await using victim = victims.next()
      const moment = { ...range.moment, when: 'after', nth: dice.between(1, 9) } as const
      const strike = { side: 'target', moment, signal: 'SIGKILL' } as const
      await using _ = await strikeAt(arena, victim, strike, { ...load, parallel: dice.between(2, 5) })
      await victim.ended()
    }
    await recover(arena, 'incremental', load)
    // What changed behind the keys of the first load is read by the next run.
    const { lost, running, states } = await recover(arena)
    expect({ lost, running, states }).toEqual({ lost: [], running: 0, states: 1 })
  }
})
