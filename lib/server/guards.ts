import { createHash, timingSafeEqual } from 'node:crypto'

import type { MiddlewareHandler } from 'hono'

import { problem } from './problem.js'

/**
 * Headers of every answer. The page may load its own scripts and styles, talk to its own server, and be framed by nobody; nothing of the
 * data stays in a cache, unless a route says otherwise.
 */
export const securityHeaders: MiddlewareHandler = async (context, next) => {
  await next()
  for (const [name, value] of Object.entries(headers)) {
    if (!context.res.headers.has(name)) context.res.headers.set(name, value)
  }
}

const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cache-control': 'no-store',
}

/** Lets in who knows the token, and everybody where there is none. Both are hashed first, so that the time tells not even the length. */
export function tokenGuard(token: string | undefined): MiddlewareHandler {
  if (token === undefined) return (_, next) => next()
  const wanted = digest(token)
  return async (context, next) => {
    const [, given = ''] = /^bearer +(\S+) *$/i.exec(context.req.header('authorization') ?? '') ?? []
    if (timingSafeEqual(digest(given), wanted)) return next()
    const detail = 'Send the header Authorization: Bearer, followed by the token of this server.'
    return problem('UNAUTHORIZED', detail, { 'www-authenticate': 'Bearer' })
  }
}

/** Another site's page must not start a run with the reader's own network, or his open door on loopback. */
export function originGuard(origins: readonly string[]): MiddlewareHandler {
  return async (context, next) => {
    const origin = context.req.header('origin')
    const isAsking = ['GET', 'HEAD', 'OPTIONS'].includes(context.req.method)
    if (isAsking || origin === undefined || origins.includes(origin) || isOwn(origin, context.req.url)) {
      return next()
    }
    return problem(
      'FORBIDDEN',
      `Pages of ${origin.slice(0, 100)} may not do this; the option origins would allow it.`,
    )
  }
}

/** The scheme is left out, as a proxy may take the encryption off. */
function isOwn(origin: string, url: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === new URL(url).host
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
