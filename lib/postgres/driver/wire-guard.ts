import { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { getHeapStatistics } from 'node:v8'

import type pg from 'pg'

import { WireError, unreadable } from './wire-error.js'

/**
 * Who can read what a connection carries: nobody else, nobody but a server that shows any certificate, users of this machine with the rights
 * of root, or whoever is on the way.
 */
export type Wire = 'encrypted' | 'unverified' | 'local' | 'open'

/** How far a server that is not known yet is trusted. */
export interface Trust {
  /** The password may be sent as it is, wherever the connection leads. */
  readonly allowsCleartext: boolean
}

/** Connects. Whatever the server sends from its first byte on can fail this call or a later one, and nothing else. */
export async function connectGuarded(client: pg.Client, trust: Trust): Promise<void> {
  await whileGuarded(client, trust, () => client.connect())
}

/** pg listens to the socket as soon as it connects, and under TLS to another one as soon as that is there. */
export function whileGuarded<T>(client: pg.ClientBase, trust: Trust, connect: () => T): T {
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
        Reflect.apply(take, socket, [taps.get(socket)?.(piece) ?? piece])
      } catch (error) {
        socket.destroy(error instanceof WireError ? error : unreadable(error))
      }
    })
  }
}

const guarded = new WeakSet<Duplex>()

/** Takes out of a piece what the driver must not see, and returns the rest of it. */
type Tap = (piece: Buffer) => Buffer

const taps = new WeakMap<Duplex, Tap>()

/** Whether what comes by a socket can be taken before the driver. */
export const isGuarded = (socket: Duplex): boolean => guarded.has(socket)

/** Takes what comes by a guarded socket before the driver, until the function that it returns is called. */
export function takeFrom(socket: Duplex, tap: Tap): () => void {
  taps.set(socket, tap)
  return () => {
    if (taps.get(socket) === tap) taps.delete(socket)
  }
}

/** By the address that was reached and not by its name, which may lead anywhere; undefined for a client that is not one of pg. */
export function wireOf(client: pg.ClientBase): Wire | undefined {
  const socket = socketOf(client)
  if (!socket) return undefined
  if (socket instanceof TLSSocket) return socket.authorized ? 'encrypted' : 'unverified'
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

/** How a connection is guarded. */
export interface WireRules {
  /** Whether the password may go over it as it is. */
  readonly allowsCleartext: () => boolean
  /** Whether the server has accepted the login already. (Default: no.) */
  readonly isAccepted?: boolean
  /** Bytes of the rows of one answer at most, roughly as memory holds them. (Default: half of what Node may use.) */
  readonly maxAnswer?: number
}

/** No message of PostgreSQL is longer, as none of its values is. */
const longestMessage = 2 ** 30
/** Until it accepts a login, a server has only settings and errors to send. */
const longestBeforeLogin = 64 * 1024
/** Node keeps such texts outside of its heap. */
const largeRow = 2 ** 20
/** What a row costs beside its bytes. */
const rowOverhead = 100

/**
 * Looks at each piece that a server sends before the driver reads it, and throws a WireError for what the driver must not see: it would
 * end the process at a request for an unknown authentication, wait for ever in an error without an end, send the password to whoever
 * asks for it, and take any number of bytes into memory. The format: https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
export function guardWire(rules: WireRules): (piece: Buffer) => void {
  const login = guardLogin(rules.allowsCleartext)
  const rows = limitRows(rules.maxAnswer)
  let isReady = rules.isAccepted ?? false

  const begin = (type: number, length: number) => {
    const longest = isReady ? longestMessage : longestBeforeLogin
    if (length < 0 || length > longest) throw malformed()
    if (type === types.row) rows.add(length)
    else if (type === types.ready || type === types.suspended) rows.reset()
  }
  const end = (type: number, body: Buffer) => {
    if (type === types.authentication) login(body)
    else if (type === types.ready) isReady = true
    else requireEnd(body)
  }
  return splitMessages({ begin, end, needsBody })
}

const typeOf = (letter: string) => letter.charCodeAt(0)

/** The messages that matter, by the byte that says so. */
const types = {
  authentication: typeOf('R'),
  ready: typeOf('Z'),
  suspended: typeOf('s'),
  row: typeOf('D'),
  error: typeOf('E'),
  notice: typeOf('N'),
} as const

const needsBody = (type: number) =>
  type === types.authentication || type === types.ready || type === types.error || type === types.notice

/** The same for the messages of a COPY, which the driver takes in pieces of any size, but would wait for ever at one with a negative length. */
export function guardCopy(): (piece: Buffer) => void {
  const begin = (_type: number, length: number) => {
    if (length < 0) throw malformed()
  }
  return splitMessages({ begin, end: () => undefined, needsBody: () => false })
}

interface Messages {
  /** Called with each message's length once it is known. */
  readonly begin: (type: number, length: number) => void
  /** Called when all of it has arrived, with the body where it is needed. */
  readonly end: (type: number, body: Buffer) => void
  readonly needsBody: (type: number) => boolean
}

/** Bytes before the body of a message: one that says its type, and its length with itself in four. */
const headSize = 5

/** Messages come in pieces that end anywhere. */
function splitMessages({ begin, end, needsBody }: Messages): (piece: Buffer) => void {
  const head = Buffer.alloc(headSize)
  let known = 0
  let rest = 0
  let type = 0
  let body: Buffer[] | undefined

  const take = (piece: Buffer, at: number): number => {
    if (known < headSize) {
      const copied = piece.copy(head, known, at, at + headSize - known)
      known += copied
      if (known < headSize) return copied
      type = head[0] ?? 0
      rest = head.readUInt32BE(1) - 4
      begin(type, rest)
      body = needsBody(type) ? [] : undefined
      return copied
    }
    const taken = Math.min(rest, piece.length - at)
    body?.push(piece.subarray(at, at + taken))
    rest -= taken
    return taken
  }

  /** Where the first message begins that is not whole in the piece, or whose body is needed. There may be millions of others. */
  const skipWhole = (piece: Buffer, from: number): number => {
    let at = from
    while (at + headSize <= piece.length) {
      const length = piece.readUInt32BE(at + 1) - 4
      const next = at + headSize + length
      const first = piece[at] ?? 0
      if (length < 0 || next > piece.length || needsBody(first)) return at
      begin(first, length)
      at = next
    }
    return at
  }

  return (piece) => {
    for (let at = 0; at < piece.length;) {
      if (known === 0) at = skipWhole(piece, at)
      if (at < piece.length) at += take(piece, at)
      if (known < headSize || rest > 0) continue
      if (body) end(type, Buffer.concat(body))
      known = 0
    }
  }
}

/** What a server may ask for before it accepts a login, by the number of the request. */
const requests = { accepted: 0, cleartext: 3, md5: 5, sasl: 10, saslContinue: 11, saslFinal: 12 }

/** By their numbers, those that the driver lacks. */
const unknownRequests: Readonly<Record<number, string>> = { 2: 'Kerberos V5', 7: 'GSSAPI', 9: 'SSPI' }

function guardLogin(allowsCleartext: () => boolean): (body: Buffer) => void {
  let needsProof = false
  return (body) => {
    const request = body.length < 4 ? -1 : body.readInt32BE(0)
    if (!Object.values(requests).includes(request)) {
      throw new WireError('unknown-authentication', unknownRequests[request] ?? `number ${request}`)
    }
    if (request === requests.cleartext && !allowsCleartext()) {
      throw new WireError('cleartext-password', 'it asks for the password in clear text')
    }
    if (request === requests.sasl) needsProof = true
    if (request === requests.saslFinal) needsProof = false
    if (request === requests.accepted && needsProof) {
      throw new WireError('no-proof', 'it did not show that it knows the password')
    }
  }
}

function limitRows(maxAnswer = getHeapStatistics().heap_size_limit / 2) {
  let held = 0
  let large = 0
  return {
    add: (length: number) => {
      if (length < largeRow) held += length + rowOverhead
      else large += length
      if (held <= maxAnswer && large <= 4 * longestMessage) return
      throw new WireError('too-large', 'an answer has more rows than fit into memory')
    },
    reset: () => {
      held = 0
      large = 0
    },
  }
}

/** An error or a notice is a list of texts, each with a byte for its kind, and a zero at its end, for which the driver looks without a limit. */
function requireEnd(body: Buffer): void {
  let at = 0
  while (at < body.length && body[at] !== 0) {
    const end = body.indexOf(0, at + 1)
    if (end < 0) throw malformed()
    at = end + 1
  }
  if (at >= body.length) throw malformed()
}

function malformed(): WireError {
  return new WireError('malformed', 'it does not speak the protocol of PostgreSQL')
}
