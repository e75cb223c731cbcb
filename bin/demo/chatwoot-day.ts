import { SyncError } from '../../lib/domain/errors.js'
import { runDemoScripts, withDemoSession } from './chatwoot-session.js'

export interface DayOptions {
  /** Selects the conversations. (Default: the id of the last message, so that each day differs from the one before.) */
  readonly seed?: number
  /** Multiplies the number of events, each rounded up. (Default: 1, about fifty conversations, which is a tenth of 482.) From 0 to 1,000. */
  readonly intensity?: number
  /** Whether to make silent changes as well, which update no timestamp. (Default: false.) */
  readonly silent?: boolean
}

/** Ids of conversations, ascending; an id is in one list at most. */
export interface Day {
  readonly inserted: number[]
  /** Older ones whose row changed, also by a new name of a contact, agent, team or inbox, and a timestamp with it. */
  readonly updated: number[]
  readonly deleted: number[]
  /** Older ones whose row changed without any updated timestamp. */
  readonly silent: number[]
  /** How many conversations each kind of event affected; for events that change no row, how many there were. */
  readonly events: Record<string, number>
}

/**
 * Does to a source what Chatwoot 4.12 or later does in a day, with the timestamps that it updates and those that it forgets, and returns whose
 * analytics row has changed. New timestamps are the server's clock in UTC. It consists of several transactions, so a sync may run meanwhile.
 *
 * Needs a source made by `createChatwootSource`. Throws CONFIG_INVALID for an option out of range, else the driver's own error; what was
 * committed before it stays.
 *
 * @example const { updated } = await liveADay(url, { seed: 2, silent: true })
 */
export async function liveADay(
  url: string,
  { seed, intensity = 1, silent = false }: DayOptions = {},
): Promise<Day> {
  if (!(intensity >= 0 && intensity <= 1000)) {
    throw new SyncError('CONFIG_INVALID', `intensity is ${intensity}.`, {
      remedy: 'Use a number from 0 to 1000.',
    })
  }
  if (seed !== undefined && !Number.isSafeInteger(seed)) {
    throw new SyncError('CONFIG_INVALID', `seed is ${seed}.`, { remedy: 'Use an integer.' })
  }
  return await withDemoSession(url, { 'demo.intensity': intensity }, async (client) => {
    await client.query(
      `select set_config('demo.seed', coalesce($1::text, max(id)::text, '0'), false) from messages`,
      [seed],
    )
    const [day] = await runDemoScripts<Day>(client, [
      ...daytime,
      ...(silent ? ['day-silent'] : []),
      ...evening,
    ])
    if (!day) throw new SyncError('INTERNAL', 'The last script of the day returned no row.')
    return day
  })
}

const daytime = [
  'dice',
  'day-begin',
  'day-new',
  'day-conversations',
  'day-messages',
  'day-people',
  'day-merges',
  'day-events',
] as const

const evening = ['day-deletes', 'day-end'] as const
