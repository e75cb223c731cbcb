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

/** `delay` is in milliseconds and holds back each direction, so that a round trip takes twice as much longer. */
export async function openProxy(serverUrl: string, delay = 0): Promise<Proxy> {
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
    pass(client, upstream, delay, () => {
      hasAsked = true
    })
    pass(upstream, client, delay, (bytes) => {
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

/** Timers of the same length fire in the order in which they were set, so the bytes stay in order. */
function pass(from: Socket, to: Socket, delay: number, onData: (bytes: number) => void): void {
  let underWay = 0
  const later = (work: () => void) => (delay > 0 ? setTimeout(work, delay) : work())
  const adjust = () => {
    const isFull = underWay + to.writableLength > (delay > 0 ? inFlight : to.writableHighWaterMark)
    if (isFull) from.pause()
    else from.resume()
  }
  from.on('data', (chunk) => {
    onData(chunk.length)
    underWay += chunk.length
    later(() => {
      underWay -= chunk.length
      if (to.writable) to.write(chunk)
      adjust()
    })
    if (delay > 0) adjust()
  })
  to.on('drain', adjust)
  from.on('end', () => later(() => to.end()))
  from.on('close', () => later(() => to.destroy()))
}
