import type { Context } from 'hono'
import * as z from 'zod/mini'

import { problem } from './problem.js'

/** What was asked for, or the answer that says what is wrong with it. */
export type Checked<T> = { readonly value: T } | { readonly refusal: Response }

/** The query of a request. A name that comes twice counts as wrong, not as its first value. */
export function checkQuery<T>(context: Context, schema: z.ZodMiniType<T>): Checked<T> {
  const given = Object.entries(context.req.queries()).map(([name, values]) => [
    name,
    values.length > 1 ? values : values[0],
  ])
  return check(Object.fromEntries(given), schema, 'query')
}

/** A part of the path. */
export function checkParameter<T>(value: unknown, schema: z.ZodMiniType<T>, name: string): Checked<T> {
  return check(value, schema, name)
}

/**
 * The body of a request. It has to be named as JSON: a form of another site's page cannot do that unasked. An empty one is `{}`.
 */
export async function checkBody<T>(context: Context, schema: z.ZodMiniType<T>): Promise<Checked<T>> {
  const type = context.req.header('content-type') ?? ''
  if (!/^application\/json *(;|$)/i.test(type)) {
    return { refusal: problem('BODY_NOT_JSON', 'Send JSON, and the header Content-Type: application/json.') }
  }
  const text = await readText(context.req.raw)
  if (text === undefined) return { refusal: problem('BODY_TOO_LARGE', 'At most 16 KiB.') }
  const body = parse(text)
  if (!body) return { refusal: problem('BAD_REQUEST', 'The body is not JSON.') }
  return check(body.json, schema, 'body')
}

/** Bytes: what can be said in a body is short. */
const largestBody = 16 * 1024

/** Undefined when it is too large; of such a one no more is read than that. */
async function readText({ headers, body }: Request): Promise<string | undefined> {
  if (Number(headers.get('content-length') ?? 0) > largestBody) return undefined
  const pieces: Uint8Array[] = []
  let bytes = 0
  const stream: AsyncIterable<Uint8Array> | null = body
  if (!stream) return ''
  for await (const piece of stream) {
    bytes += piece.byteLength
    if (bytes > largestBody) return undefined
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

/** Values stay out of the answer; their names are in it, but for those that nobody knows. */
function check<T>(given: unknown, schema: z.ZodMiniType<T>, place: string): Checked<T> {
  const checked = z.safeParse(schema, given)
  if (checked.success) return { value: checked.data }
  const complaints = checked.error.issues.map(({ code, path, message }) => {
    const complaint = code === 'unrecognized_keys' ? 'has a name that nobody knows' : message
    return `${[place, ...path].join('.')}: ${complaint}`
  })
  return { refusal: problem('BAD_REQUEST', `${complaints.join('; ').slice(0, 500)}.`) }
}
