import { afterAll, beforeAll, expect, it } from 'vitest'

import { sourceServer, targetServer } from './setup/database.js'
import { openArena, type Arena } from './soak/arena.js'
import { changeSource, recover, steps, strikeAt } from './soak/killing.js'
import { conversations } from './soak/subject.js'
import { startVictim, type Victim } from './soak/victim-process.js'

let arena: Arena
let waiting: Victim
let turn = 0

beforeAll(async () => {
  waiting = startVictim()
  arena = await openArena({ source: sourceServer(), target: targetServer() }, conversations)
})

afterAll(async () => {
  await waiting[Symbol.asyncDispose]()
  await arena[Symbol.asyncDispose]()
})

/** A victim that is ready; the next one gets ready meanwhile. */
function nextVictim(): Victim {
  const victim = waiting
  waiting = startVictim()
  return victim
}

const moments = steps.flatMap((step) => (['before', 'after'] as const).map((when) => ({ ...step, when })))

/** What a killed run has left in the control table before the next one: its row is there from the moment the server has it. */
const leavesRow = (name: string, when: string) =>
  name !== 'lock' && !(name === 'running row' && when === 'before')

const inBatches = ['first batch', 'staging', 'upsert', 'state', 'commit']

it.each(moments.filter(({ name }) => inBatches.includes(name)))(
  'goes on with a first load that was killed $when $name of its second batch',
  async ({ side, moment, when }) => {
    await arena.target.query('truncate conversas_analytics, etl_control')
    await using victim = nextVictim()
    const nth = side === 'source' ? 1 : 2
    const strike = { side, moment: { ...moment, when, nth }, signal: 'SIGKILL' } as const
    await using struck = await strikeAt(arena, victim, strike, { batchSize: 100 })

    expect(await victim.ended()).toBeUndefined()

    expect(struck.struck()).toBe(true)
    const { next, ...aftermath } = await recover(arena)
    expect(aftermath).toEqual({ lost: [], rowsOfControl: 2, running: 0, insertedTooMany: 0, states: 1 })
    expect(next).toMatchObject({ status: 'success', loadType: 'full', rowsUpdated: 0 })
    // What the killed run had committed was not read again.
    const rows = await arena.target.query(
      'select sum(rows_extracted)::integer as extracted, (select count(*)::integer from conversas_analytics) as held from etl_control',
    )
    expect(rows.rows[0].extracted).toBe(rows.rows[0].held)
  },
)

it.each(moments)(
  'ends equal after an incremental run was killed $when $name',
  async ({ name, side, moment, when }) => {
    await changeSource(arena, ++turn)
    const { rowCount } = await arena.target.query('select from etl_control')
    await using victim = nextVictim()
    const strike = { side, moment: { ...moment, when }, signal: 'SIGKILL' } as const
    await using struck = await strikeAt(arena, victim, strike, { batchSize: 20 })

    await victim.ended()

    expect(struck.struck()).toBe(true)
    const { next, ...aftermath } = await recover(arena)
    const rowsOfControl = (rowCount ?? 0) + (leavesRow(name, when) ? 2 : 1)
    expect(aftermath).toEqual({ lost: [], rowsOfControl, running: 0, insertedTooMany: 0, states: 1 })
    expect(next).toMatchObject({ status: 'success', loadType: 'incremental' })
  },
)
