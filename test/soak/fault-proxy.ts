import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

/**
 * What becomes of the wire. `cut` resets the connection, in the middle of a row as a rule; `half-open` passes nothing on any more while both
 * ends stay open; `blackhole` does so to every connection, also to new ones; `refuse` cuts and takes no new ones; `delay` holds each piece back.
 */
export const faultKinds = ['cut', 'half-open', 'blackhole', 'refuse', 'delay'] as const

export interface Fault {
  readonly kind: (typeof faultKinds)[number]
  /** Bytes in both directions, over all connections, until it comes. */
  readonly after: number
  /** Milliseconds until connections work again, those that it hit excepted; Infinity for never. */
  readonly lasts: number
}

/** Milliseconds by which a `delay` holds back each piece. */
const heldBack = 20

/** Sits between a client and a server until it is disposed of. */
export interface FaultProxy extends AsyncDisposable {
  readonly url: string
  /** Whether the fault has come. */
  struck(): boolean
}

export async function openFaultProxy(serverUrl: string, fault: Fault | undefined): Promise<FaultProxy> {
  const { hostname, port } = new URL(serverUrl)
  const sockets = new Set<Socket>()
  const silent = new Set<Socket>()
  /** Pieces that are held back, and when the last of them goes out: what comes later must not overtake them. */
  const held = new Map<Socket, Buffer[]>()
  const dueAt = new Map<Socket, number>()
  let left = fault?.after ?? Infinity
  let state: 'before' | 'broken' | 'healed' = 'before'

  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket.setNoDelay())
      socket.on('error', () => undefined)
      socket.on('close', () => sockets.delete(socket))
    }
    if (fault?.kind === 'blackhole' && state === 'broken') silent.add(client).add(upstream)
    pass(client, upstream)
    pass(upstream, client)
  })

  function pass(from: Socket, to: Socket): void {
    from.on('data', (chunk) => {
      left -= chunk.length
      if (left < 0 && state === 'before') strike(from, to, chunk)
      else if (!silent.has(from)) write(to, chunk)
    })
    from.on('close', () => silent.has(from) || to.destroy())
  }

  function write(to: Socket, chunk: Buffer): void {
    const now = performance.now()
    const due = Math.max(
      dueAt.get(to) ?? 0,
      fault?.kind === 'delay' && state === 'broken' ? now + heldBack : 0,
    )
    const before = held.get(to) ?? []
    if (before.length === 0 && due <= now) {
      to.write(chunk)
      return
    }
    held.set(to, [...before, chunk])
    dueAt.set(to, due)
    // Whichever timer fires, the piece that has waited longest goes out.
    setTimeout(() => {
      const [next, ...rest] = held.get(to) ?? []
      held.set(to, rest)
      if (next && to.writable) to.write(next)
    }, due - now)
  }

  /** What still fits is passed on, so that a message breaks off in its middle. */
  function strike(from: Socket, to: Socket, chunk: Buffer): void {
    state = 'broken'
    const fits = chunk.length + left
    if (fault?.kind === 'delay') write(to, chunk)
    else if (fits > 0) to.write(chunk.subarray(0, fits))
    if (fault?.kind === 'half-open') silent.add(from).add(to)
    if (fault?.kind === 'blackhole') for (const socket of sockets) silent.add(socket)
    if (fault?.kind === 'cut') {
      silent.add(from).add(to)
      // What came together with the end would be read as the end in good order.
      setImmediate(() => setImmediate(() => [from, to].forEach(reset)))
    }
    if (fault?.kind === 'refuse') {
      server.close()
      for (const socket of sockets) reset(socket)
    }
    if (fault && fault.lasts !== Infinity) void heal(fault)
  }

  async function heal({ kind, lasts }: Fault): Promise<void> {
    await wait(lasts)
    state = 'healed'
    if (kind === 'refuse' && !isDisposed) server.listen(at, '127.0.0.1')
  }

  let isDisposed = false
  const at = await listen(server)
  const url = new URL(serverUrl)
  url.host = `127.0.0.1:${at}`
  return {
    url: url.href,
    struck: () => state !== 'before',
    [Symbol.asyncDispose]: async () => {
      isDisposed = true
      for (const socket of sockets) socket.destroy()
      if (server.listening) await once(server.close(), 'close')
    },
  }
}

/** `resetAndDestroy` ends the connection in good order first, so that who reads may never see the reset. */
function reset(socket: Socket): void {
  Reflect.set(socket, 'resetAndClosing', true)
  socket.destroy()
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('A server without a port.')
  return address.port
}
