import type { Duplex } from 'node:stream'

import type { CompiledQuery } from 'kysely'
import type pg from 'pg'

import { unlessAborted } from '../../domain/abort.js'
import { dataRows, unwrapRows } from './binary-copy.js'
import type { FetchLimits } from './session.js'
import { isGuarded, socketOf, takeFrom } from './wire-guard.js'

/** What a cursor runs on. */
export interface WireReading {
  readonly client: pg.ClientBase
  readonly lost: AbortSignal
  /** Waits for the server; the timeout runs only within it. */
  readonly guard: <T>(work: () => Promise<T>) => Promise<T>
  /** Called for each time that rows are asked for. */
  readonly onAsk: () => void
}

/** Whether the rows of a client can be taken before the driver reads them. */
export function showsWire(client: pg.ClientBase): boolean {
  const socket = socketOf(client)
  return socket !== undefined && isGuarded(socket)
}

/**
 * The rows of a query through a cursor, as the server sends them: each value as its text behind its length, in the form of a binary COPY. The
 * driver sees none of them, as it would make a string of each value. How many are asked for at once follows their bytes: few at first, as
 * nothing is known of them, then up to eight times as many. Where they turn out larger, the server waits until they are taken.
 */
export async function* fetchWire(
  { client, lost, guard, onAsk }: WireReading,
  { sql, parameters }: CompiledQuery,
  limits: FetchLimits,
): AsyncGenerator<Buffer> {
  const socket = socketOf(client)
  if (!socket) throw new TypeError('The driver does not show its socket.')
  const { default: Cursor } = await import('pg-cursor')
  const cursor = client.query(new Cursor<never>(sql, [...parameters]))
  const inflow = openInflow(socket)
  let reading: Promise<unknown> = Promise.resolve()
  let isFailed = false
  try {
    let asked = Math.min(firstRows, limits.maxRows)
    while (true) {
      onAsk()
      const before = inflow.total()
      const read = cursor.read(asked)
      reading = read.catch(() => (isFailed = true))
      const waiting = inflow.until(read)
      while (true) {
        const piece = inflow.take() ?? (await guard(waiting.next))
        if (!piece) break
        yield piece
      }
      const { rows, bytes } = inflow.total()
      const count = rows - before.rows
      if (count < asked) return
      asked = nextSize(asked, (bytes - before.bytes) / count, limits)
    }
  } finally {
    inflow.discard()
    // A connection that is lost never responds, and after a failure the driver has closed the cursor.
    if (!lost.aborted) await unlessAborted(reading, lost).catch(() => undefined)
    if (!lost.aborted && !isFailed) await unlessAborted(cursor.close(), lost).catch(() => undefined)
    inflow.close()
  }
}

/** Rows that are asked for first. */
export const firstRows = 16

/** How many rows to ask for next, of such a size. */
export function nextSize(size: number, bytesPerRow: number, { maxRows, maxBytes }: FetchLimits): number {
  const fitting = Math.floor(maxBytes / Math.max(bytesPerRow, 1))
  return Math.max(1, Math.min(size * 8, maxRows, fitting))
}

/** Bytes that wait to be taken before the server has to wait. */
const mostWaiting = 4 * 1024 * 1024

/** Takes the rows that come by a socket. */
function openInflow(socket: Duplex) {
  const unwrap = unwrapRows(dataRows)
  const total = { rows: 0, bytes: 0 }
  let pieces: Buffer[] = []
  let waiting = 0
  let isDiscarding = false
  let wake: () => void = () => undefined
  const close = takeFrom(socket, (piece) => {
    const { rows, others, count } = unwrap(piece)
    total.rows += count
    if (rows.length > 0 && !isDiscarding) {
      total.bytes += rows.length
      pieces.push(rows)
      waiting += rows.length
      if (waiting > mostWaiting) socket.pause()
      wake()
    }
    return others
  })

  function take(): Buffer | undefined {
    const piece = pieces.shift()
    if (!piece) return undefined
    waiting -= piece.length
    if (waiting <= mostWaiting && socket.isPaused()) socket.resume()
    return piece
  }

  return {
    total: () => ({ ...total }),
    take,
    /** `next` waits for the next piece of what is being read; undefined after the last one. */
    until: (reading: Promise<readonly unknown[]>) => {
      let isRead = false
      const read = reading.then((rows) => {
        if (rows.length > 0) throw new TypeError('The driver has read rows before they could be taken.')
        isRead = true
      })
      read.catch(() => undefined)
      return {
        next: async (): Promise<Buffer | undefined> => {
          while (pieces.length === 0 && !isRead) {
            const arrived = new Promise<void>((resolve) => (wake = resolve))
            await Promise.race([arrived, read])
          }
          return take()
        },
      }
    },
    /** From now on nobody takes any. */
    discard: () => {
      isDiscarding = true
      pieces = []
      waiting = 0
      if (socket.isPaused()) socket.resume()
    },
    close,
  }
}
