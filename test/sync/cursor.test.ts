import { setTimeout as delay } from 'node:timers/promises'

import { CompiledQuery } from 'kysely'
import type pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'

import { openSession } from '../../lib/postgres/driver/connect.js'
import { socketOf } from '../../lib/postgres/driver/wire-guard.js'
import { cloneDatabase } from '../setup/database.js'

const connection = { applicationName: 'test', connectTimeout: 10_000 }
const limits = { maxRows: 5000, maxBytes: 4 * 1024 * 1024 }

/** A session of the source, with what reads a query in a transaction, and its socket. */
async function openSource() {
  const database = await cloneDatabase('source', 'template0')
  const clients: pg.ClientBase[] = []
  database.pool.on('connect', (client) => clients.push(client))
  const session = await openSession('source', database.pool, connection)
  onTestFinished(async () => {
    await session[Symbol.asyncDispose]()
    await database[Symbol.asyncDispose]()
  })
  const [client] = clients
  if (!client) throw new TypeError('The pool has opened no connection.')
  await session.script(['begin'])
  const { copy } = session
  if (!copy?.fetchTexts) throw new TypeError('There are no rows of the wire.')
  const { fetchTexts } = copy
  const read = (text: string, some = limits) =>
    fetchTexts(CompiledQuery.raw(text), some)[Symbol.asyncIterator]()
  const still = () => session.rows<{ one: number }>(CompiledQuery.raw('select 1 as one'))
  return { session, read, still, socket: socketOf(client) }
}

async function bytesIn(pieces: AsyncIterator<Buffer>): Promise<number> {
  let bytes = 0
  for (let next = await pieces.next(); !next.done; next = await pieces.next()) bytes += next.value.length
  return bytes
}

it('rows arrive whole, however many are asked for at once', async () => {
  const { session, read, still } = await openSource()
  const query = "select i, repeat('x', i % 100) from generate_series(1, 3000) i order by i"
  // Of each row two bytes and twice four are not of its texts, which are 10,893 digits and 148,500 letters.
  const expected = 3000 * 10 + 10_893 + 148_500
  for (const maxRows of [1000, 16, 3000, 5000]) {
    const before = session.roundTrips()
    expect(await bytesIn(read(query, { ...limits, maxRows }))).toBe(expected)
    // Each is asked for by eight times as many as before: 16, 128, 1000, 1000, 1000.
    if (maxRows === 1000) expect(session.roundTrips() - before).toBe(5)
  }
  expect(await bytesIn(read('select 1 where false'))).toBe(0)
  expect(await still()).toEqual([{ one: 1 }])
})

it('a server that sends more than was expected waits until it is taken', async () => {
  const { read, still, socket } = await openSource()
  const pieces = read("select repeat('x', 3000000) from generate_series(1, 16)")
  const first = await pieces.next()
  while (!socket?.isPaused()) await delay(5)
  const bytes = first.done ? 0 : first.value.length
  expect(bytes + (await bytesIn(pieces))).toBe(16 * 3_000_006)
  expect(await still()).toEqual([{ one: 1 }])
})

it('a reader that stops in the middle leaves the connection as it was', async () => {
  const { read, still, socket } = await openSource()
  const pieces = read("select repeat('x', 3000000) from generate_series(1, 16)")
  await pieces.next()
  while (!socket?.isPaused()) await delay(5)
  await pieces.return?.()
  expect(await still()).toEqual([{ one: 1 }])
  expect(await bytesIn(read('select 1'))).toBe(7)
})

it('a statement that fails fails its reader, also while that one does something else', async () => {
  const { session, read, still } = await openSource()
  const failing = `
    select repeat('x', 100000), 1 / (15 - i)
    from generate_series(1, 16) i`
  await expect(bytesIn(read(failing))).rejects.toMatchObject({ details: { sqlState: '22012' } })
  await session.script(['rollback'])
  const pieces = read(failing)
  await pieces.next()
  await delay(100)
  await expect(bytesIn(pieces)).rejects.toMatchObject({ details: { sqlState: '22012' } })
  expect(await still()).toEqual([{ one: 1 }])
  await expect(bytesIn(read('select nothing'))).rejects.toMatchObject({ details: { sqlState: '42703' } })
  expect(await still()).toEqual([{ one: 1 }])
})
