import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { sourceServer, targetServer } from '../setup/database.js'
import { share } from '../setup/share.js'
import { leaveFew, openArena, type Arena } from '../soak/arena.js'
import { rollDice } from '../soak/dice.js'
import { killAtAnyMoment } from '../soak/kill-rounds.js'
import { append, changeSource, recover, steps, strikeAt } from '../soak/killing.js'
import { conversations } from '../soak/subject.js'
import { startVictims, type Victims } from '../soak/victim-process.js'

let arena: Arena
let victims: Victims
let turn = 0

/** Conversations, of which a first load writes three batches. */
const few = 120

beforeAll(async () => {
  victims = startVictims()
  arena = await openArena({ source: sourceServer(), target: targetServer() }, conversations)
  await leaveFew(arena, few)
})

afterAll(async () => {
  await victims[Symbol.asyncDispose]()
  await arena[Symbol.asyncDispose]()
})

const stepsOf = (...names: readonly string[]) => [append, ...steps].filter(({ name }) => names.includes(name))

const chosen = share(
  ['commit'],
  steps.map(({ name }) => name),
)
const moments = stepsOf(...chosen).flatMap((step) =>
  (['before', 'after'] as const).map((when) => ({ ...step, when })),
)

/** What a killed run has left in the control table before the next one: its row is there from the moment the server has it. */
const leavesRow = (name: string, when: string) =>
  name !== 'lock' && !(name === 'running row' && when === 'before')

it.each(stepsOf(...share(['commit'], ['append', 'state', 'commit'])))(
  'goes on with a first load that was killed after the $name of its second batch',
  async ({ side, moment }) => {
    await arena.target.query('truncate conversas_analytics, etl_control')
    await using victim = victims.next()
    const strike = { side, moment: { ...moment, when: 'after', nth: 2 }, signal: 'SIGKILL' } as const
    await using struck = await strikeAt(arena, victim, strike, { batchSize: few / 3 })

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

it.each(stepsOf(...share(['upsert'], ['staging', 'upsert'])))(
  'goes on with a full read that was killed after the $name of its second batch',
  async ({ side, moment }) => {
    await changeSource(arena, ++turn)
    await using victim = victims.next()
    const strike = { side, moment: { ...moment, when: 'after', nth: 2 }, signal: 'SIGKILL' } as const
    await using struck = await strikeAt(arena, victim, strike, { loadType: 'full', batchSize: few / 3 })

    expect(await victim.ended()).toBeUndefined()

    expect(struck.struck()).toBe(true)
    const { next, ...aftermath } = await recover(arena, 'full')
    expect(aftermath).toMatchObject({ lost: [], running: 0, insertedTooMany: 0, states: 1 })
    expect(next.reason).toMatch(/^resumes the full load of run /)
  },
)

it.each(moments)(
  'ends equal after an incremental run was killed $when the $name',
  async ({ name, side, moment, when }) => {
    await changeSource(arena, ++turn)
    const { rowCount } = await arena.target.query('select from etl_control')
    await using victim = victims.next()
    const strike = { side, moment: { ...moment, when }, signal: 'SIGKILL' } as const
    await using struck = await strikeAt(arena, victim, strike, { batchSize: 10 })

    await victim.ended()

    expect(struck.struck()).toBe(true)
    const { next, rowsOfControl, ...aftermath } = await recover(arena)
    const left = rowsOfControl - (rowCount ?? 0) - 1
    // The source is probed while the target takes the lock and the row.
    if (name === 'probe') expect([0, 1]).toContain(left)
    else expect(left).toBe(leavesRow(name, when) ? 1 : 0)
    expect(aftermath).toEqual({ lost: [], running: 0, insertedTooMany: 0, states: 1 })
    expect(next).toMatchObject({ status: 'success', loadType: 'incremental' })
  },
)

it('ends equal after runs that were killed at any moment', async () => {
  const dice = rollDice(2026)
  for (let round = 0; round < share(1, 60); round++) {
    await using victim = victims.next()
    expect(await killAtAnyMoment(arena, victim, dice, ++turn)).toMatchObject({ faults: [] })
  }
})

it.each(share(['before'] as const, ['before', 'after'] as const))(
  'writes nothing when it wakes %s the upsert after another run took over',
  async (when) => {
    await changeSource(arena, ++turn)
    await using victim = victims.next()
    const moment = { request: /insert into "public"."conversas_analytics"/, when }
    const strike = { side: 'target', moment, signal: 'SIGSTOP' } as const
    await using struck = await strikeAt(arena, victim, strike, { batchSize: 10 })
    await vi.waitFor(() => expect(struck.struck()).toBe(true), { timeout: 120_000 })
    await arena.target.query(
      `select pg_terminate_backend(pid)
       from pg_stat_activity
       where datname = current_database() and application_name = 'chatwoot-sync'`,
    )
    const { next, lost } = await recover(arena)
    expect({ lost, updated: next.rowsUpdated > 0 }).toEqual({ lost: [], updated: true })
    const before = await storedBytes()

    victim.signal('SIGCONT')

    expect(await victim.ended()).toEqual({ code: 'LOCK_LOST' })
    expect(await storedBytes()).toEqual(before)
    const closed = await arena.target.query(
      `select error_code from etl_control where started_at < $1::timestamptz order by started_at desc limit 1`,
      [next.startedAt],
    )
    expect(closed.rows).toEqual([{ error_code: 'INTERRUPTED' }])
  },
)

/** Everything that is stored, with the transactions that wrote it. */
async function storedBytes(): Promise<unknown[]> {
  const rows = await arena.target.query(
    'select xmin::text, c::text from conversas_analytics c order by conversation_id',
  )
  const runs = await arena.target.query('select xmin::text, c::text from etl_control c order by execution_id')
  return [rows.rows, runs.rows]
}
