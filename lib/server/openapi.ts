import * as z from 'zod/mini'

import { endpoints, namedSchemas, type Endpoint, type SchemaName } from './endpoints.js'
import { executionId } from './request-schemas.js'

/** Describes the API in OpenAPI 3.1, from the schemas that check the requests. */
export function openApiDocument(version: string, needsToken: boolean): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const endpoint of endpoints) {
    const operations = (paths[endpoint.path] ??= {})
    operations[endpoint.method] = operationOf(endpoint)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'chatwoot-sync',
      version,
      description: 'Starts, lists and watches the runs that keep an analytics table equal to a Chatwoot.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    // Relative to this document, wherever the server is mounted.
    servers: [{ url: '.' }],
    security: needsToken ? [{ bearer: [] }] : [],
    paths,
    components: {
      schemas: componentSchemas(),
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
    },
  }
}

function operationOf({ id, summary, description, path, query, body, answer, problems }: Endpoint): object {
  const { status, schema, type = 'application/json', description: meaning } = answer
  const content = { [type]: { schema: schema ? reference(schema) : { type: 'string' } } }
  const refusals = problems.map((code) => [
    code,
    { description: problemMeanings[code], content: problemContent },
  ])
  return {
    operationId: id,
    summary,
    ...(description === undefined ? {} : { description }),
    parameters: [...(path.includes('{id}') ? [idParameter()] : []), ...(query ? queryParameters(query) : [])],
    ...(body ? { requestBody: { content: { 'application/json': { schema: reference(body) } } } } : {}),
    responses: {
      [status]: { description: meaning, content },
      ...Object.fromEntries(refusals),
      default: { description: 'Something else went wrong.', content: problemContent },
    },
  }
}

const problemMeanings: Readonly<Record<number, string>> = {
  400: 'The request is wrong; the detail says where.',
  401: 'The token is missing or wrong.',
  403: 'A page of another site asked.',
  404: 'There is no such run.',
  409: 'A run or a comparison is at work.',
  413: 'The body is larger than 16 KiB.',
  415: 'The body is not JSON.',
  429: 'Too many listen already.',
  503: 'A database cannot be reached or read, or the server is stopping.',
}

const reference = (name: SchemaName) => ({ $ref: `#/components/schemas/${name}` })
const problemContent = { 'application/problem+json': { schema: reference('Problem') } }

function idParameter(): object {
  return { name: 'id', in: 'path', required: true, schema: plain(z.toJSONSchema(executionId)) }
}

/** As they are after reading: in the address everything is a text. */
function queryParameters(query: z.ZodMiniObject): object[] {
  const { properties = {} } = z.toJSONSchema(query, { io: 'output' })
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: false,
    schema: typeof schema === 'boolean' ? {} : plain(schema),
  }))
}

function componentSchemas(): object {
  const registry = z.registry<{ id: string }>()
  for (const [id, schema] of Object.entries(namedSchemas)) registry.add(schema, { id })
  const { schemas } = z.toJSONSchema(registry, { uri: (id) => `#/components/schemas/${id}`, io: 'input' })
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, plain(schema)]))
}

/** Without what only stands at the top of a document of its own. */
function plain(schema: object): object {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => key !== '$schema' && key !== '$id'))
}
