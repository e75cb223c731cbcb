import type { Hono, MiddlewareHandler } from 'hono'
import { describeRoute, openAPIRouteHandler } from 'hono-openapi'
import * as z from 'zod/mini'

import {
  healthReport,
  problem,
  progress,
  runPage,
  runReport,
  runStarted,
  serverStats,
  verifyReport,
} from './answer-schemas.js'
import { runStart, verifyStart } from './request-schemas.js'

/** The schemas that the OpenAPI document names. */
export const namedSchemas = {
  RunStart: runStart,
  RunStarted: runStarted,
  Run: runReport,
  RunPage: runPage,
  Progress: progress,
  VerifyStart: verifyStart,
  Verification: verifyReport,
  Health: healthReport,
  Stats: serverStats,
  Problem: problem,
} as const

type SchemaName = keyof typeof namedSchemas

/** What the OpenAPI document says of a route. Its path and method are those of the route itself; every response can also be a problem. */
export interface Operation {
  readonly id: string
  readonly summary: string
  readonly description?: string
  readonly path?: z.ZodMiniObject
  readonly query?: z.ZodMiniObject
  readonly body?: SchemaName
  readonly answer: {
    readonly status: 200 | 202
    readonly description: string
    /** (Default: application/json.) */
    readonly type?: string
    /** (Default: a text.) */
    readonly schema?: SchemaName
  }
  readonly problems: readonly (keyof typeof problemMeanings)[]
}

const problemMeanings = {
  400: 'The request is invalid; the detail says where.',
  401: 'The token is missing or wrong.',
  403: 'The request comes from a page of another site.',
  404: 'There is no such run.',
  409: 'A run or a comparison is running.',
  413: 'The body is larger than 16 KiB.',
  415: 'The body is not JSON.',
  429: 'There are too many listeners already.',
  503: 'A database cannot be reached or read, or the server is stopping.',
} as const

/** Comes before the handler of a route and describes it. */
export function describe(operation: Operation): MiddlewareHandler {
  const { id, summary, description, path, query, body, answer, problems } = operation
  const { status, schema, type = 'application/json', description: meaning } = answer
  const content = { [type]: { schema: schema ? reference(schema) : { type: 'string' as const } } }
  const failures = problems.map((code) => [
    code,
    { description: problemMeanings[code], content: problemContent },
  ])
  return describeRoute({
    operationId: id,
    summary,
    ...(description === undefined ? {} : { description }),
    parameters: [...parameters('path', path), ...parameters('query', query)],
    ...(body ? { requestBody: { content: { 'application/json': { schema: reference(body) } } } } : {}),
    responses: {
      [status]: { description: meaning, content },
      ...Object.fromEntries(failures),
      default: { description: 'Something else failed.', content: problemContent },
    },
  })
}

/** Answers with the description of all routes of the app in OpenAPI 3.1. */
export function answerOpenApi(app: Hono, version: string, needsToken: boolean): MiddlewareHandler {
  return openAPIRouteHandler(app, {
    documentation: {
      info: {
        title: 'chatwoot-sync',
        version,
        description: 'Starts, lists and watches the runs that keep an analytics table equal to a Chatwoot.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      // Relative to this document, wherever the server is mounted.
      servers: [{ url: '.' }],
      security: needsToken ? [{ bearer: [] }] : [],
      components: {
        schemas: componentSchemas(),
        securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      },
    },
  })
}

const reference = (name: SchemaName) => ({ $ref: `#/components/schemas/${name}` })
const problemContent = { 'application/problem+json': { schema: reference('Problem') } }

/** The schemas are those of the values after they were read: in a URL everything is a text. */
function parameters(place: 'path' | 'query', schema: z.ZodMiniObject | undefined) {
  const { properties = {} } = schema ? z.toJSONSchema(schema, { io: 'output' }) : {}
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path',
    schema: typeof property === 'boolean' ? {} : embedded(property),
  }))
}

function componentSchemas() {
  const registry = z.registry<{ id: string }>()
  for (const [id, schema] of Object.entries(namedSchemas)) registry.add(schema, { id })
  const { schemas } = z.toJSONSchema(registry, { uri: (id) => `#/components/schemas/${id}`, io: 'input' })
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, embedded(schema)]))
}

/** Without the keys that only a document of its own has at its top. */
function embedded(schema: object): object {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => key !== '$schema' && key !== '$id'))
}
