import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** Bytes that may be on their way in one direction: enough for gigabytes a second, so that only the delay is felt. */
const inFlight = 64 * 1024 * 1024

/** Stands before a server, and counts. */
export interface Proxy extends AsyncDisposable {
  readonly url: string
  /** Bytes that the server has sent. */
  received(): number
  /** How often the server has answered after the client had spoken: each is a wait of the client for the network. */
  trips(): number
}

/** What a network does to each connection. */
export interface Link {
  /** Milliseconds by which each direction is held back, so that a round trip takes twice as much longer. */
  readonly delay: number
  /** What one direction carries at most. (Default: no limit.) */
  readonly bytesPerSecond?: number
}

export async function openProxy(serverUrl: string, link: Link = { delay: 0 }): Promise<Proxy> {
  const { hostname, port } = new URL(serverUrl)
  const sockets = new Set<Socket>()
  let received = 0
  let trips = 0
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket.setNoDelay())
      socket.on('error', () => undefined)
      socket.on('close', () => sockets.delete(socket))
    }
    let hasAsked = false
    pass(client, upstream, link, () => {
      hasAsked = true
    })
    pass(upstream, client, link, (bytes) => {
      received += bytes
      if (hasAsked) trips += 1
      hasAsked = false
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const url = new URL(serverUrl)
  if (typeof address === 'object' && address) url.host = `127.0.0.1:${address.port}`
  return {
    url: url.href,
    received: () => received,
    trips: () => trips,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** What is under way is written in the order in which it came, whichever timer fires first. */
function pass(from: Socket, to: Socket, link: Link, onData: (bytes: number) => void): void {
  const { delay, bytesPerSecond = Infinity } = link
  const isHeldBack = delay > 0 || bytesPerSecond < Infinity
  // A slow link makes the sender wait, as it has no room for gigabytes on their way.
  const most = Math.min(inFlight, Math.max(bytesPerSecond / 4, 65_536))
  const queue: (() => void)[] = []
  let underWay = 0
  let freeAt = 0
  const later = (bytes: number, work: () => void) => {
    if (!isHeldBack) {
      work()
      return
    }
    const now = performance.now()
    freeAt = Math.max(now, freeAt) + (bytes * 1000) / bytesPerSecond
    queue.push(work)
    setTimeout(() => queue.shift()?.(), freeAt - now + delay)
  }
  const adjust = () => {
    const isFull = underWay + to.writableLength > (isHeldBack ? most : to.writableHighWaterMark)
    if (isFull) from.pause()
    else from.resume()
  }
  from.on('data', (chunk) => {
    onData(chunk.length)
    underWay += chunk.length
    later(chunk.length, () => {
      underWay -= chunk.length
      if (to.writable) to.write(chunk)
      adjust()
    })
    if (isHeldBack) adjust()
  })
  to.on('drain', adjust)
  from.on('end', () => later(0, () => to.end()))
  from.on('close', () => later(0, () => to.destroy()))
}
