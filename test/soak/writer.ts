import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'

import pg from 'pg'

import { rollDice, type Dice } from './dice.js'

/** What the writers of one arena share. */
export interface Crowd {
  readonly url: string
  readonly seed: number
  /** Milliseconds by which a stamp may lie before the start of its transaction. */
  readonly skewAllowance: number
  /** Fires when everybody should stop. */
  readonly stop: AbortSignal
  /** The highest id that anybody has inserted. */
  lastId: number
  rowsWritten: number
}

/** One connection that writes, as a process of the application does. */
export interface Writer {
  readonly client: pg.Client
  readonly dice: Dice
  readonly crowd: Crowd
  /** Rows of the transaction that is open. */
  rows: number
}

/** One transaction, or something like it. */
export type Transaction = (writer: Writer) => Promise<void>

/** How often each transaction is chosen. */
export type Mix = readonly (readonly [weight: number, transaction: Transaction])[]

export interface Habit {
  readonly mix: Mix
  /** Milliseconds between two transactions, at most. */
  readonly rest: number
}

/** Writes until the crowd stops. A deadlock or a lock that took too long costs the transaction, as it would in the application. */
export async function write(crowd: Crowd, place: number, { mix, rest }: Habit): Promise<void> {
  const client = new pg.Client({ connectionString: crowd.url, options: '-c timezone=UTC' })
  await client.connect()
  const dice = rollDice(crowd.seed, place)
  const bag = mix.flatMap(([weight, transaction]) => Array.from({ length: weight }, () => transaction))
  try {
    while (!crowd.stop.aborted) {
      const writer: Writer = { client, dice, crowd, rows: 0 }
      await attempt(writer, bag[dice.between(0, bag.length - 1)])
      await linger(writer, 0, rest)
    }
  } finally {
    await client.end()
  }
}

async function attempt(writer: Writer, transaction: Transaction | undefined): Promise<void> {
  try {
    await transaction?.(writer)
    writer.crowd.rowsWritten += writer.rows
  } catch (error) {
    if (!(error instanceof pg.DatabaseError && error.code === '40P01')) throw error
    await writer.client.query('rollback')
  }
}

/** Waits for some of these milliseconds; less when everybody should stop. */
export async function linger({ dice, crowd }: Writer, from: number, to: number): Promise<void> {
  // The one reason for which this rejects is the signal.
  await wait(dice.between(from, to), undefined, { signal: crowd.stop }).catch(() => undefined)
}

/** `now` for the start of the transaction, `clock` for the time of the statement, else a time of the application. */
export type Stamp = 'now' | 'clock' | (string & {})

const stampOf = (parameter: string) =>
  `case ${parameter}::text
     when 'now' then now()
     when 'clock' then clock_timestamp()
     else ${parameter}::timestamptz
   end`

/** Inserts a few rows or updates some that may be there, all with the same stamp. */
export async function change(writer: Writer, stamp: Stamp = 'now', rows = 3): Promise<void> {
  const { client, dice, crowd } = writer
  const count = dice.between(1, rows)
  if (dice.chance(0.5)) {
    const ids = Array.from({ length: count }, () => (crowd.lastId += 1))
    const text = `
      insert into items (id, payload, updated_at)
      select id, $2::text, ${stampOf('$3')}
      from unnest($1::integer[]) id`
    writer.rows += (await client.query(text, [ids, randomUUID(), stamp])).rowCount ?? 0
    return
  }
  // In order, so that two writers seldom meet crosswise.
  const ids = Array.from({ length: count }, () => dice.between(1, crowd.lastId)).sort((a, b) => a - b)
  await update(writer, ids, stamp)
}

export async function update(writer: Writer, ids: readonly number[], stamp: Stamp): Promise<void> {
  const text = `
    update items
    set payload = $2::text, updated_at = ${stampOf('$3')}
    where id = any($1::integer[])`
  writer.rows += (await writer.client.query(text, [ids, randomUUID(), stamp])).rowCount ?? 0
}
