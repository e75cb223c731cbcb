import { createServer, connect, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'

/** A way to a server on which everything that the server says is kept. */
export interface RecordingProxy extends AsyncDisposable {
  /** The URL of a database of that server, by way of the proxy. */
  url(direct: string): string
  /** Every byte that the server has sent so far. */
  sent(): Buffer
}

export async function openRecordingProxy(server: string): Promise<RecordingProxy> {
  const { hostname, port } = new URL(server)
  const pieces: Buffer[] = []
  const open = new Set<Socket>()
  const listener = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => open.delete(socket))
    }
    upstream.on('data', (piece) => pieces.push(piece))
    client.pipe(upstream).pipe(client)
  })
  await once(listener.listen(0, '127.0.0.1'), 'listening')
  const { port: own } = listener.address() as AddressInfo
  return {
    url: (direct) => Object.assign(new URL(direct), { hostname: '127.0.0.1', port: String(own) }).href,
    sent: () => Buffer.concat(pieces),
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy()
      await once(listener.close(), 'close')
    },
  }
}
