import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

import { SyncError, type ErrorCode } from '../domain/errors.js'
import type { Logger } from '../domain/logger.js'
import { redact } from '../domain/redact.js'

/** What can be wrong with a request, beside the codes of SyncError: its status and its title. */
const requestProblems = {
  BAD_REQUEST: [400, 'The request cannot be read'],
  UNAUTHORIZED: [401, 'A token is needed'],
  FORBIDDEN: [403, 'Not from this page'],
  NOT_FOUND: [404, 'Not found'],
  METHOD_NOT_ALLOWED: [405, 'Not this method'],
  BODY_TOO_LARGE: [413, 'The body is too large'],
  BODY_NOT_JSON: [415, 'The body must be JSON'],
  WRONG_HOST: [421, 'Another server is meant'],
  TOO_MANY_STREAMS: [429, 'Too many listeners'],
} as const satisfies Record<string, readonly [ContentfulStatusCode, string]>

export type RequestProblem = keyof typeof requestProblems

/** A problem of RFC 9457 as a response. */
export function problem(
  code: RequestProblem,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const [status, title] = requestProblems[code]
  return respond(status, { title, detail, code }, headers)
}

/** The problem that an error stands for. What nobody foresaw is logged, and tells nothing of itself. */
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
  const detail = 'Something unexpected happened; the log of the server tells more.'
  return respond(500, { title: titleOf(500), detail, code: 'INTERNAL' })
}

/** What the table of codes says to be passing is worth asking again. */
function statusOf(code: ErrorCode): 400 | 409 | 500 | 503 {
  if (code === 'LOCKED') return 409
  if (code === 'CONFIG_INVALID') return 400
  const isPassing =
    code === 'ABORTED' ||
    code === 'STANDBY_BEHIND' ||
    /_(UNREACHABLE|AUTH_FAILED|TIMED_OUT|READ_ONLY|DISK_FULL)$/.test(code)
  return isPassing || code === 'TARGET_NOT_MIGRATED' || code.endsWith('_DATABASE_MISSING') ? 503 : 500
}

function titleOf(status: 400 | 409 | 500 | 503): string {
  const titles = {
    400: 'That cannot work',
    409: 'Another run is at work',
    500: 'It failed',
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
