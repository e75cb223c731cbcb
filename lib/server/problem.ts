import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

import { SyncError, type ErrorCode } from '../domain/errors.js'
import type { Logger } from '../domain/logger.js'
import { redact } from '../domain/redact.js'

/** What can be wrong with a request, besides the codes of SyncError: status and title. */
const requestProblems = {
  BAD_REQUEST: [400, 'The request cannot be read'],
  UNAUTHORIZED: [401, 'A token is required'],
  FORBIDDEN: [403, 'Not allowed from this page'],
  FORWARDED: [403, 'A token is required behind a proxy'],
  NOT_FOUND: [404, 'Not found'],
  METHOD_NOT_ALLOWED: [405, 'Method not allowed'],
  BODY_TOO_LARGE: [413, 'The body is too large'],
  BODY_NOT_JSON: [415, 'The body must be JSON'],
  WRONG_HOST: [421, 'Wrong host'],
  TOO_MANY_STREAMS: [429, 'Too many listeners'],
  BUSY: [503, 'Too many requests at a time'],
} as const satisfies Record<string, readonly [ContentfulStatusCode, string]>

export type RequestProblem = keyof typeof requestProblems

/** A problem of RFC 9457 as a response: `{ type, title, status, detail, code }`. */
export function problem(
  code: RequestProblem,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const [status, title] = requestProblems[code]
  return respond(status, { title, detail, code }, headers)
}

/** The response to an error that a route threw. An unexpected one is logged, and the response shows nothing of it. */
export function problemOf(error: unknown, context: Context, logger: Logger): Response {
  if (error instanceof SyncError) {
    const { executionId } = error.details
    const status = statusOf(error.code)
    if (status === 500) logger.error('A request failed', { code: error.code, path: context.req.path })
    const facts = { title: titleOf(status), detail: redact(error.message), code: error.code }
    return respond(status, typeof executionId === 'string' ? { ...facts, executionId } : facts)
  }
  if (error instanceof HTTPException && error.status < 500) {
    return problem('BAD_REQUEST', 'The request cannot be read.')
  }
  const reason = error instanceof Error ? redact(`${error.name}: ${error.message}`) : null
  logger.error('A request failed', { code: 'INTERNAL', path: context.req.path, reason })
  const detail = 'Something unexpected happened. The log of the server has the details.'
  return respond(500, { title: titleOf(500), detail, code: 'INTERNAL' })
}

/** 503 for what may pass, so that the same request can succeed later. */
function statusOf(code: ErrorCode): 400 | 409 | 500 | 503 {
  if (code === 'LOCKED') return 409
  if (code === 'CONFIG_INVALID') return 400
  const mayPass =
    code === 'ABORTED' ||
    code === 'STANDBY_BEHIND' ||
    /_(UNREACHABLE|AUTH_FAILED|TIMED_OUT|READ_ONLY|DISK_FULL)$/.test(code)
  return mayPass || code === 'TARGET_NOT_MIGRATED' || code.endsWith('_DATABASE_MISSING') ? 503 : 500
}

function titleOf(status: 400 | 409 | 500 | 503): string {
  const titles = {
    400: 'The configuration is invalid',
    409: 'Another run is in progress',
    500: 'The request failed',
    503: 'Not possible at the moment',
  }
  return titles[status]
}

function respond(status: number, facts: object, headers: Readonly<Record<string, string>> = {}): Response {
  const body = JSON.stringify({ type: 'about:blank', status, ...facts })
  return new Response(body, {
    status,
    headers: { 'content-type': 'application/problem+json; charset=utf-8', ...headers },
  })
}
