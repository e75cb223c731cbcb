import type { Context, MiddlewareHandler } from 'hono'
import * as z from 'zod/mini'

import { problem } from './problem.js'

/** The value that was sent, or the response that says what is wrong with it. */
export type Checked<T> = { readonly value: T } | { readonly problem: Response }

/** The query of a request. A name that comes twice is invalid; its first value is not taken instead. */
export function checkQuery<T>(context: Context, schema: z.ZodMiniType<T>): Checked<T> {
  const sent = Object.entries(context.req.queries()).map(([name, values]) => [
    name,
    values.length > 1 ? values : values[0],
  ])
  return check(Object.fromEntries(sent), schema, 'query')
}

/** A part of the path. */
export function checkParameter<T>(value: unknown, schema: z.ZodMiniType<T>, name: string): Checked<T> {
  return check(value, schema, name)
}

/** Rejects a body that is not declared as JSON: a form on another site's page can be sent without permission, but not as JSON. */
export const requireJson: MiddlewareHandler = async (context, next) => {
  const type = context.req.header('content-type') ?? ''
  if (/^application\/json *(;|$)/i.test(type)) return next()
  return problem('BODY_NOT_JSON', 'Send JSON, and the header Content-Type: application/json.')
}

/** The body of a request behind `requireJson`. An empty one is `{}`. */
export async function checkBody<T>(context: Context, schema: z.ZodMiniType<T>): Promise<Checked<T>> {
  const text = await readText(context.req.raw).catch(() => null)
  // The client has gone before it had sent everything.
  if (text === null) return { problem: problem('BAD_REQUEST', 'The body is incomplete.') }
  if (text === undefined) return { problem: problem('BODY_TOO_LARGE', 'At most 16 KiB.') }
  const body = parse(text)
  if (!body) return { problem: problem('BAD_REQUEST', 'The body is not JSON.') }
  return check(body.json, schema, 'body')
}

/** Bytes: what there is to say in a body is short. */
const maxBody = 16 * 1024

/**
 * Undefined when the body is too large; no more of it is read than that. Hono's `bodyLimit` copies a chunked body into a new `Request`,
 * which fails for the requests of @hono/node-server unless that may replace the global `Request` of the whole process.
 */
async function readText({ headers, body }: Request): Promise<string | undefined> {
  if (Number(headers.get('content-length') ?? 0) > maxBody) return undefined
  const pieces: Uint8Array[] = []
  let bytes = 0
  const stream: AsyncIterable<Uint8Array> | null = body
  if (!stream) return ''
  for await (const piece of stream) {
    bytes += piece.byteLength
    if (bytes > maxBody) return undefined
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString()
}

function parse(text: string): { readonly json: unknown } | undefined {
  try {
    return { json: text.trim() === '' ? {} : JSON.parse(text) }
  } catch {
    return undefined
  }
}

/** The problem names the fields but shows neither their values nor the names of unknown fields. */
function check<T>(sent: unknown, schema: z.ZodMiniType<T>, place: string): Checked<T> {
  const checked = z.safeParse(schema, sent)
  if (checked.success) return { value: checked.data }
  const faults = checked.error.issues.map(({ code, path, message }) => {
    const fault = code === 'unrecognized_keys' ? 'has an unknown name' : message
    return `${[place, ...path].join('.')}: ${fault}`
  })
  return { problem: problem('BAD_REQUEST', `${faults.join('; ').slice(0, 500)}.`) }
}
