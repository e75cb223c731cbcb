import { Readable } from 'node:stream'

import type pg from 'pg'

import { SyncError } from '../../domain/errors.js'
import type { Side } from './session.js'

const guarded = new WeakSet<Readable>()

/** Socket of a client; the types of pg do not show where it is. */
export function socketOf(client: pg.ClientBase): Readable | undefined {
  const connection: unknown = Reflect.get(client, 'connection')
  const socket: unknown = connection ? Reflect.get(Object(connection), 'stream') : undefined
  return socket instanceof Readable ? socket : undefined
}

/**
 * The driver takes answers apart where the socket hands them over. What it throws there, as at a value that is longer than any string
 * of Node (512 MB), would end the process; instead the connection ends with that error.
 */
export function endWhereUnreadable(side: Side, client: pg.ClientBase): void {
  const socket = socketOf(client)
  if (!socket || guarded.has(socket)) return
  guarded.add(socket)
  for (const take of socket.listeners('data')) {
    socket.removeListener('data', take as () => void)
    socket.on('data', (piece: Buffer) => {
      try {
        Reflect.apply(take, socket, [piece])
      } catch (error) {
        socket.destroy(unreadable(side, error))
      }
    })
  }
}

function unreadable(side: Side, cause: unknown): SyncError {
  const isTooLong = Reflect.get(Object(cause), 'code') === 'ERR_STRING_TOO_LONG'
  const what = isTooLong ? 'a value is longer than 512 MB, as no text of Node can be' : 'the driver failed'
  return new SyncError(
    side === 'source' ? 'SOURCE_FAILED' : 'TARGET_FAILED',
    `An answer of the ${side} cannot be read: ${what}.`,
    { remedy: 'Leave the column out, or let COPY read it: no transform, no other extractor.', cause },
  )
}
