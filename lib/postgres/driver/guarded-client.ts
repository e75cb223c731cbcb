import { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'

import type pg from 'pg'

import { WireError } from './wire-error.js'
import { guardWire } from './wire-guard.js'

/** Who can read what a connection carries: nobody else, users of this machine with the rights of root, or whoever is on the way. */
export type Wire = 'encrypted' | 'local' | 'open'

/** How far a server that is not known yet is trusted. */
export interface Trust {
  /** The password may be sent as it is, wherever the connection leads. */
  readonly allowsCleartext: boolean
}

/** Connects. Whatever the server sends from its first byte on can fail this call or a later one, and nothing else. */
export async function connectGuarded(client: pg.Client, trust: Trust): Promise<void> {
  await guardLogin(client, trust, () => client.connect())
}

/** Lets a pool connect as `connectGuarded` does, from now on. A pool without clients of pg is left as it is. */
export function guardPool(pool: pg.Pool, trust: Trust): void {
  const Client: unknown = Reflect.get(pool, 'Client')
  if (typeof Client !== 'function' || guardedPools.has(pool)) return
  guardedPools.add(pool)
  const create = (...given: unknown[]): unknown => {
    const client: unknown = Reflect.construct(Client, given)
    const connect: unknown = Reflect.get(Object(client), 'connect')
    if (typeof connect !== 'function') return client
    const guarded = (...more: unknown[]): unknown =>
      guardLogin(client as pg.ClientBase, trust, (): unknown => Reflect.apply(connect, client, more))
    Reflect.set(Object(client), 'connect', guarded)
    return client
  }
  // An arrow function cannot be called with `new`.
  Reflect.set(pool, 'Client', function (...given: unknown[]) {
    return create(...given)
  })
}

const guardedPools = new WeakSet<pg.Pool>()

/** pg listens to the socket as soon as it connects, and under TLS to another one as soon as that is there. */
function guardLogin<T>(client: pg.ClientBase, trust: Trust, connect: () => T): T {
  connectionOf(client)?.once?.('sslconnect', () => guard(client, trust, false))
  const connecting = connect()
  if (Reflect.get(client, 'ssl') === false) guard(client, trust, false)
  return connecting
}

/** The same for a client that somebody else has connected. */
export function guardConnected(client: pg.ClientBase): void {
  guard(client, { allowsCleartext: false }, true)
}

/** The driver parses answers in the handler of the socket's data. What it throws there would end the process; instead the connection ends. */
function guard(client: pg.ClientBase, { allowsCleartext }: Trust, isAccepted: boolean): void {
  const socket = socketOf(client)
  if (!socket || guarded.has(socket)) return
  guarded.add(socket)
  const check = guardWire({
    allowsCleartext: () => allowsCleartext || wireOf(client) !== 'open',
    isAccepted,
  })
  for (const take of socket.listeners('data')) {
    socket.removeListener('data', take as () => void)
    socket.on('data', (piece: Buffer) => {
      try {
        check(piece)
        Reflect.apply(take, socket, [piece])
      } catch (error) {
        socket.destroy(error instanceof WireError ? error : unreadable(error))
      }
    })
  }
}

const guarded = new WeakSet<Duplex>()

function unreadable(cause: unknown): WireError {
  const isTooLong = Reflect.get(Object(cause), 'code') === 'ERR_STRING_TOO_LONG'
  const what = isTooLong ? 'a value is longer than 512 MB, the longest string of Node' : 'the driver failed'
  return new WireError('unreadable', what, cause)
}

/** By the address that was reached and not by its name, which may lead anywhere; undefined for a client that is not one of pg. */
export function wireOf(client: pg.ClientBase): Wire | undefined {
  const socket = socketOf(client)
  if (!socket) return undefined
  if (socket instanceof TLSSocket) return 'encrypted'
  // A socket in the file system has no address, and what a caller connects by other means is the caller's to protect.
  const address = socket instanceof Socket ? socket.remoteAddress : undefined
  return address === undefined || /^(127\.|::1$|::ffff:127\.)/i.test(address) ? 'local' : 'open'
}

/** Socket of a client; the types of pg do not show where it is. */
export function socketOf(client: pg.ClientBase): Duplex | undefined {
  const socket = connectionOf(client)?.stream
  return socket instanceof Duplex ? socket : undefined
}

interface Connection {
  readonly stream?: unknown
  readonly once?: (event: string, listener: () => void) => unknown
}

/** Undefined for a client of another driver, such as pg-native. */
const connectionOf = (client: pg.ClientBase): Connection | undefined => {
  const connection: unknown = Reflect.get(client, 'connection')
  return typeof connection === 'object' && connection !== null ? connection : undefined
}
