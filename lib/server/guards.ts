import { createHash, timingSafeEqual } from 'node:crypto'

import type { MiddlewareHandler } from 'hono'
import { secureHeaders } from 'hono/secure-headers'

import { problem } from './problem.js'

const only = ["'self'"]
const nothing = ["'none'"]

/**
 * Headers of every response, unless its route has set them: the page loads only its own scripts and styles, connects only to its own
 * server, and can be framed by nobody. Strict-Transport-Security is left to the service around it, as it would hold for the whole host.
 */
export const securityHeaders: MiddlewareHandler = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: nothing,
    scriptSrc: only,
    styleSrc: only,
    imgSrc: [...only, 'data:'],
    connectSrc: only,
    baseUri: nothing,
    formAction: nothing,
    frameAncestors: nothing,
  },
  permissionsPolicy: { camera: [], geolocation: [], microphone: [] },
  xFrameOptions: 'DENY',
  strictTransportSecurity: false,
  overwrite: false,
})

/** No cache keeps data, unless the route says otherwise. */
export const noStore: MiddlewareHandler = async (context, next) => {
  await next()
  if (!context.res.headers.has('cache-control')) context.res.headers.set('cache-control', 'no-store')
}

/**
 * Requires the token, where there is one. Both are hashed before they are compared, so that the time reveals not even the length. Hono's
 * `bearerAuth` accepts only letters, digits and `._~+/-` in a token, and would lock out those who chose other characters.
 */
export function tokenGuard(token: string | undefined): MiddlewareHandler {
  if (token === undefined) return (_, next) => next()
  const wanted = digest(token)
  return async (context, next) => {
    const [, sent = ''] = /^bearer +(\S+) *$/i.exec(context.req.header('authorization') ?? '') ?? []
    if (timingSafeEqual(digest(sent), wanted)) return next()
    const detail = 'Send the header Authorization: Bearer, followed by the token of this server.'
    return problem('UNAUTHORIZED', detail, { 'www-authenticate': 'Bearer' })
  }
}

/**
 * Rejects a request that changes something and comes from a page of another site, which could otherwise use the reader's network, or a
 * server on loopback that has no token. Stricter than hono's `csrf`, which checks only the content types that a form can send.
 */
export function originGuard(origins: readonly string[]): MiddlewareHandler {
  return async (context, next) => {
    const origin = context.req.header('origin')
    const isReading = ['GET', 'HEAD', 'OPTIONS'].includes(context.req.method)
    if (isReading || origin === undefined || origins.includes(origin) || isOwn(origin, context.req.url)) {
      return next()
    }
    const detail = `Pages of ${origin.slice(0, 100)} may not do this. Name the site in the option origins to allow it.`
    return problem('FORBIDDEN', detail)
  }
}

/** The scheme is left out, as a proxy may terminate TLS. */
function isOwn(origin: string, url: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === new URL(url).host
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
