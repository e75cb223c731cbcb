import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A moment in the conversation with a server. */
export interface Moment {
  /** What the client sends: the letter of the message and its SQL, as in `Q commit`, `P select ...` or `X`. */
  readonly request: RegExp
  /** Which of the messages that fit. (Default: 1, the first.) */
  readonly nth?: number
  /** Before the server gets it, or when the server has answered and the client does not know yet. */
  readonly when: 'before' | 'after'
  /** Letters of the messages that count as the answer. (Default: Z, ready for the next query.) */
  readonly answer?: string
}

export interface WireOptions {
  readonly moment?: Moment
  /** Called at the moment, once. */
  readonly strike?: () => void
  /** Whether nothing is passed on any more once it has struck. (Default: false.) */
  readonly cuts?: boolean
}

/** Sits between a client and a PostgreSQL server, and reads along. */
export interface Wire extends AsyncDisposable {
  readonly url: string
  /** Bytes that the server has sent. */
  received(): number
  /** Whether the moment has come. */
  struck(): boolean
}

export async function openWire(serverUrl: string, options: WireOptions = {}): Promise<Wire> {
  const { hostname, port } = new URL(serverUrl)
  const sockets = new Set<Socket>()
  const watch = watchFor(options)
  let received = 0
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket.setNoDelay())
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
    const requests = frames(true, watch.request)
    const answers = frames(false, watch.answer)
    // What the client has sent last still arrives when it hangs up.
    client.on('end', () => upstream.end())
    client.on('data', (chunk) => requests(chunk) && upstream.write(chunk))
    upstream.on('data', (chunk) => {
      received += chunk.length
      if (answers(chunk)) client.write(chunk)
    })
    upstream.on('close', () => watch.answer('end', ''))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: urlAt(serverUrl, server.address()),
    received: () => received,
    struck: watch.struck,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function urlAt(serverUrl: string, address: AddressInfo | string | null): string {
  const url = new URL(serverUrl)
  if (typeof address === 'object' && address) url.host = `127.0.0.1:${address.port}`
  return url.href
}

/** Called with each message; false once nothing may pass. */
type OnMessage = (letter: string, text: string) => boolean

function watchFor({ moment, strike, cuts = false }: WireOptions) {
  let left = moment?.nth ?? 1
  let state: 'waiting' | 'asked' | 'struck' = 'waiting'
  const hit = () => {
    state = 'struck'
    strike?.()
    return !cuts
  }
  const request: OnMessage = (letter, text) => {
    if (!moment || state !== 'waiting') return !(cuts && state === 'struck')
    if (!moment.request.test(`${letter} ${text}`) || --left > 0) return true
    if (moment.when === 'before') return hit()
    state = 'asked'
    return true
  }
  const answer: OnMessage = (letter) => {
    if (!moment || state !== 'asked') return !(cuts && state === 'struck')
    return (moment.answer ?? 'Z').includes(letter) || letter === 'end' ? hit() : true
  }
  return { request, answer, struck: () => state === 'struck' }
}

/** Cuts a stream into messages and reports each; whether the chunk may pass. The client's first message has no letter. */
function frames(isClient: boolean, onMessage: OnMessage): (chunk: Buffer) => boolean {
  let rest = Buffer.alloc(0)
  let isGreeting = isClient
  return (chunk) => {
    rest = Buffer.concat([rest, chunk])
    let mayPass = true
    for (;;) {
      const at = isGreeting ? 0 : 1
      if (rest.length < at + 4) return mayPass
      const length = at + rest.readUInt32BE(at)
      if (rest.length < length) return mayPass
      const letter = isGreeting ? '' : String.fromCharCode(rest[0] ?? 0)
      const isText = isClient && (letter === 'Q' || letter === 'P')
      if (!onMessage(letter, isText ? textOf(rest.subarray(at + 4, length)) : '')) mayPass = false
      rest = rest.subarray(length)
      isGreeting = false
    }
  }
}

/** Of a Parse, the name of the statement comes before its text. */
function textOf(body: Buffer): string {
  return body.toString('utf8').replaceAll('\0', ' ').replace(/\s+/g, ' ').trim()
}
