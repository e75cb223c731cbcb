import { randomUUID } from 'node:crypto'

import { change, linger, update, type Transaction, type Writer } from './writer.js'

/** One statement, stamped by the database. */
export const quick: Transaction = (writer) => change(writer, writer.dice.pick(['now', 'clock']))

/** Open for up to so many milliseconds, with some more statements in between; one of six is rolled back. */
export const patient =
  (from: number, to: number): Transaction =>
  (writer) =>
    inTransaction(writer, async () => {
      for (let left = writer.dice.between(1, 3); left > 0; left--) {
        await change(writer, writer.dice.pick(['now', 'clock']))
        await linger(writer, from / 2, to / 2)
      }
    })

/** Fixes its time and writes much later, so that it has no transaction id when the others look. */
export const hesitant =
  (from: number, to: number): Transaction =>
  (writer) =>
    inTransaction(writer, async () => {
      await writer.client.query('select now()')
      await linger(writer, from, to)
      await change(writer)
    })

/** One statement that takes its time before it writes the first row. */
export const slowInsert: Transaction = async (writer) => {
  const { client, dice, crowd } = writer
  const first = crowd.lastId + 1
  crowd.lastId += 5
  const text = `
    with slow as materialized (select pg_sleep($3::double precision))
    insert into items (id, payload, updated_at)
    select id, $4::text, now()
    from slow, generate_series($1::integer, $2::integer) id`
  const values = [first, crowd.lastId, dice.between(100, 1500) / 1000, randomUUID()]
  writer.rows += (await client.query(text, values)).rowCount ?? 0
}

/** Holds the table, so that the statements of others wait with their time fixed and no transaction id. */
export const hold: Transaction = (writer) =>
  inTransaction(writer, async () => {
    await writer.client.query('lock table items in share row exclusive mode')
    await linger(writer, 300, 1500)
    await change(writer)
  })

/** Holds one of a few rows that everybody wants. */
export const hotRow: Transaction = (writer) =>
  inTransaction(writer, async () => {
    await update(writer, [writer.dice.between(1, 5)], writer.dice.pick(['now', 'clock']))
    await linger(writer, 20, 300)
  })

/** Parts of it are undone, parts are not. */
export const savepoints: Transaction = (writer) =>
  inTransaction(writer, async () => {
    const { client, dice } = writer
    await client.query('savepoint outer_one')
    await change(writer)
    await client.query('savepoint inner_one')
    const before = writer.rows
    await change(writer)
    await linger(writer, 50, 500)
    const undo = dice.pick(['outer_one', 'inner_one', null])
    if (undo) {
      await client.query(`rollback to savepoint ${undo}`)
      writer.rows = undo === 'inner_one' ? before : 0
    } else await client.query('release savepoint outer_one')
    await change(writer, 'clock')
    await linger(writer, 50, 500)
  })

/** In two phases; sometimes nothing is written until long after its begin. */
export const prepared: Transaction = async (writer) => {
  const { client, dice } = writer
  const name = randomUUID()
  await begin(writer)
  await client.query('select now()')
  if (dice.chance(0.5)) await linger(writer, 300, 1500)
  await change(writer)
  await client.query(`prepare transaction '${name}'`)
  await linger(writer, 100, 1500)
  if (dice.chance(0.15)) {
    await client.query(`rollback prepared '${name}'`)
    writer.rows = 0
  } else await client.query(`commit prepared '${name}'`)
}

/** Stamps far ahead of every clock. */
export const future: Transaction = async (writer) => {
  const ahead = writer.dice.between(1000, 10 * 365 * 86_400_000)
  await change(writer, new Date(Date.now() + ahead).toISOString())
}

/** The application stamps by its own clock, which is wrong, and then waits for a connection: as late as `skewAllowance` covers. */
export const stampedBefore: Transaction = async (writer) => {
  const { dice, crowd } = writer
  const wrong = dice.between(-crowd.skewAllowance * 0.6, crowd.skewAllowance * 2)
  const stamp = new Date(Date.now() + wrong)
  await linger(writer, 0, crowd.skewAllowance * 0.3)
  await changeUnlessLate(writer, stamp)
}

/** Stamps in steps of a tenth of a second, so that many are equal. */
export const tied: Transaction = (writer) =>
  changeUnlessLate(writer, new Date(Math.floor(Date.now() / 100) * 100))

/** Gives up where the machine was too slow for `skewAllowance`: the assumption under test would not hold for this transaction. */
async function changeUnlessLate(writer: Writer, stamp: Date): Promise<void> {
  const { client, crowd } = writer
  await client.query('begin')
  const { rows } = await client.query<{ late: number }>(
    `select (extract(epoch from now() - $1::timestamptz) * 1000)::float8 as late`,
    [stamp.toISOString()],
  )
  if ((rows[0]?.late ?? 0) <= crowd.skewAllowance - 1) await change(writer, stamp.toISOString())
  await linger(writer, 0, 200)
  await client.query('commit')
}

/** A few hundred rows by one statement. */
export const bulk: Transaction = async (writer) => {
  const { dice, crowd } = writer
  const from = dice.between(1, crowd.lastId)
  const ids = Array.from({ length: dice.between(100, 500) }, (_, index) => from + index)
  await inTransaction(writer, async () => {
    await update(writer, ids, dice.pick(['now', 'clock']))
    await linger(writer, 0, 600)
  })
}

export const removal: Transaction = async (writer) => {
  const { client, dice, crowd } = writer
  const id = dice.between(1, crowd.lastId)
  writer.rows += (await client.query('delete from items where id = $1::integer', [id])).rowCount ?? 0
}

/**
 * Begins a transaction whose stamps are late by no more than the clock skew allowed covers. The server takes the time of a transaction before
 * it shows the transaction to others, and a busy machine can let it wait in between; then it begins anew.
 */
async function begin({ client, crowd }: Writer): Promise<void> {
  for (;;) {
    await client.query('begin')
    const { rows } = await client.query<{ late: boolean }>(
      `select clock_timestamp() - now() > $1::integer * interval '1 millisecond' as late`,
      [crowd.skewAllowance / 2],
    )
    if (rows[0]?.late !== true) return
    await client.query('rollback')
  }
}

/** One of six ends with a rollback. */
async function inTransaction(writer: Writer, work: () => Promise<void>): Promise<void> {
  const { client, dice } = writer
  await begin(writer)
  await work()
  if (dice.chance(1 / 6)) {
    await client.query('rollback')
    writer.rows = 0
  } else await client.query('commit')
}
