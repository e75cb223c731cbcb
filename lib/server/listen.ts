import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { isIPv6, type AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'

import { getRequestListener } from '@hono/node-server'

import { SyncError } from '../domain/errors.js'
import { admit, isLoopback, maxConnections } from './admission.js'
import { problem } from './problem.js'

/** Where `SyncServer.listen` listens. */
export interface ListenOptions {
  /** (Default: 8080.) 0 takes any free port. */
  readonly port?: number | undefined
  /** Address or name of this machine. (Default: 127.0.0.1, which other machines cannot reach.) */
  readonly host?: string | undefined
}

/** A port that is open. */
export interface Listening {
  /** Address of the page, with a slash at the end: `http://127.0.0.1:8080/`. */
  readonly url: string
  /** The port that was taken, also when 0 was asked for. */
  readonly port: number
  /** Closes the port, and after half a second the connections that are still open. Does nothing when it is closed already. */
  close(): Promise<void>
}

type Fetch = (request: Request) => Promise<Response>

/** Listens at an address of this machine; see `SyncServer.listen`. */
export async function listen(
  fetch: Fetch,
  { port = 8080, host = '127.0.0.1', hasToken }: ListenOptions & { readonly hasToken: boolean },
): Promise<Listening> {
  if (!hasToken && !isLoopback(host)) throw needsToken(host)
  const answer = getRequestListener(admit(fetch, { hasToken }), {
    overrideGlobalObjects: false,
    errorHandler: () => problem('BAD_REQUEST', unreadable),
  })
  const limits = {
    headersTimeout: 10_000,
    requestTimeout: 30_000,
    maxHeaderSize: 16 * 1024,
    // Without one the request is answered with a problem, like any other fault.
    requireHostHeader: false,
  }
  const server = createServer(limits, (incoming, outgoing) => void answer(incoming, outgoing))
  server.maxConnections = maxConnections
  server.on('clientError', rejectUnreadable)
  try {
    // Throws at once for a number that is no port.
    server.listen(port, host)
    await once(server, 'listening')
  } catch (cause) {
    throw cannotListen(host, port, cause)
  }
  const bound = portOf(server.address())
  return {
    url: `http://${isIPv6(host) ? `[${host}]` : host}:${bound}/`,
    port: bound,
    close: () => closeServer(server),
  }
}

const unreadable = 'The request is not valid HTTP, arrives too slowly, or has invalid or too large headers.'

/** What is not HTTP becomes no request that a route could answer. */
function rejectUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request'
  const body = JSON.stringify({
    type: 'about:blank',
    status: Number(status.slice(0, 3)),
    title: 'The request cannot be read',
    detail: unreadable,
    code: 'BAD_REQUEST',
  })
  const head = `HTTP/1.1 ${status}\r\nContent-Type: application/problem+json\r\nContent-Length: ${body.length}\r\nConnection: close`
  socket.end(`${head}\r\n\r\n${body}`)
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Streams of events would otherwise stay open as long as their clients want. */
async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  const forced = setTimeout(() => server.closeAllConnections(), 500)
  await closed
  clearTimeout(forced)
}

function needsToken(host: string): SyncError {
  return new SyncError(
    'CONFIG_MISSING',
    `Listening at ${host}, which other machines can reach, requires a token.`,
    {
      remedy: 'Set CHATWOOT_SYNC_TOKEN, or listen at 127.0.0.1.',
    },
  )
}

function cannotListen(host: string, port: number, cause: unknown): SyncError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another program uses it already',
    EACCES: 'this user may not use that port',
    EADDRNOTAVAIL: 'this machine has no such address',
    ENOTFOUND: 'the name does not resolve',
    ERR_SOCKET_BAD_PORT: 'a port is a number from 0 to 65535',
  }
  return new SyncError('CONFIG_INVALID', `Cannot listen at ${host}:${port}: ${reasons[code] ?? code}.`, {
    remedy: 'Choose another port or address.',
    details: { host, port },
    cause,
  })
}
