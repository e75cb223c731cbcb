import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { isIPv6, type AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'

import { getRequestListener } from '@hono/node-server'

import { SyncError } from '../domain/errors.js'
import { problem } from './problem.js'

export interface ListenOptions {
  /** (Default: 8080.) 0 for any that is free. */
  readonly port?: number | undefined
  /** (Default: 127.0.0.1, which other machines cannot reach.) */
  readonly host?: string | undefined
}

export interface Listening {
  /** Where the page is. */
  readonly url: string
  readonly port: number
  close(): Promise<void>
}

type Fetch = (request: Request) => Promise<Response>

const loopback = /^(localhost|127(\.\d{1,3}){3}|::1)$/i

/** Answers at an address of this machine; see `SyncServer.listen`. */
export async function listen(
  fetch: Fetch,
  { port = 8080, host = '127.0.0.1', hasToken }: ListenOptions & { readonly hasToken: boolean },
): Promise<Listening> {
  if (!hasToken && !loopback.test(host)) throw needsToken(host)
  const answer = getRequestListener(hasToken ? fetch : onlyByLocalName(fetch), {
    overrideGlobalObjects: false,
    errorHandler: () => problem('BAD_REQUEST', unreadable),
  })
  const limits = {
    headersTimeout: 10_000,
    requestTimeout: 30_000,
    maxHeaderSize: 16 * 1024,
    // Its absence is told as a problem like others.
    requireHostHeader: false,
  }
  const server = createServer(limits, (incoming, outgoing) => void answer(incoming, outgoing))
  server.on('clientError', refuse)
  try {
    // A number that can be no port is thrown at once.
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

/**
 * A page of another site can give its own name the address 127.0.0.1, and then reads what is served there as if it were its own; but the
 * name stands in the request.
 */
function onlyByLocalName(fetch: Fetch): Fetch {
  return async (request) => {
    const name = new URL(request.url).hostname.replace(/^\[(.*)\]$/, '$1')
    if (loopback.test(name)) return fetch(request)
    return problem('WRONG_HOST', 'Without a token this server answers to localhost only.')
  }
}

const unreadable = 'It is no HTTP, too slow, or its headers are wrong or too large.'

/** What is no HTTP has no request that a route could answer. */
function refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
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

/** Streams of events would stay open as long as their listeners like. */
async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  const impatient = setTimeout(() => server.closeAllConnections(), 500)
  await closed
  clearTimeout(impatient)
}

function needsToken(host: string): SyncError {
  return new SyncError(
    'CONFIG_MISSING',
    `Listening at ${host}, which other machines can reach, needs a token.`,
    {
      remedy: 'Set CHATWOOT_SYNC_TOKEN, or listen at 127.0.0.1.',
    },
  )
}

function cannotListen(host: string, port: number, cause: unknown): SyncError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another program is there already',
    EACCES: 'this user may not have that port',
    EADDRNOTAVAIL: 'this machine has no such address',
    ENOTFOUND: 'there is no such name',
    ERR_SOCKET_BAD_PORT: 'a port is a number from 0 to 65535',
  }
  return new SyncError('CONFIG_INVALID', `Cannot listen at ${host}:${port}: ${reasons[code] ?? code}.`, {
    remedy: 'Choose another one.',
    details: { host, port },
    cause,
  })
}
