import { getHeapStatistics } from 'node:v8'

import { WireError } from './wire-error.js'

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

  const begin = (type: string, length: number) => {
    const longest = isReady ? longestMessage : longestBeforeLogin
    if (length < 0 || length > longest) throw malformed()
    if (type === 'D') rows.add(length)
    else if (type === 'Z' || type === 's') rows.reset()
  }
  const end = (type: string, body: Buffer) => {
    if (type === 'R') login(body)
    else if (type === 'Z') isReady = true
    else requireEnd(body)
  }
  return splitMessages({ begin, end, needsBody: (type) => 'RENZ'.includes(type) })
}

/** The same for the messages of a COPY, which the driver takes in pieces of any size, but would wait for ever at one with a negative length. */
export function guardCopy(): (piece: Buffer) => void {
  const begin = (_type: string, length: number) => {
    if (length < 0) throw malformed()
  }
  return splitMessages({ begin, end: () => undefined, needsBody: () => false })
}

interface Messages {
  /** Called with each message's length once it is known. */
  readonly begin: (type: string, length: number) => void
  /** Called when all of it has arrived, with the body where it is needed. */
  readonly end: (type: string, body: Buffer) => void
  readonly needsBody: (type: string) => boolean
}

/** A message is a byte that says its type, its length with itself in four, and so many bytes; they come in pieces that end anywhere. */
function splitMessages({ begin, end, needsBody }: Messages): (piece: Buffer) => void {
  const head = Buffer.alloc(5)
  let known = 0
  let rest = 0
  let type = ''
  let body: Buffer[] | undefined

  const take = (piece: Buffer, at: number): number => {
    if (known < head.length) {
      const copied = piece.copy(head, known, at, at + head.length - known)
      known += copied
      if (known < head.length) return copied
      type = String.fromCharCode(head[0] ?? 0)
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

  return (piece) => {
    for (let at = 0; at < piece.length;) {
      at += take(piece, at)
      if (known < head.length || rest > 0) continue
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
