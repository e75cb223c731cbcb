import { Validator } from '@seriousme/openapi-schema-validator'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'

import { silentLogger } from '../../lib/domain/logger.js'
import { createApp } from '../../lib/server/app.js'
import { createLiveRuns } from '../../lib/server/live-runs.js'
import { namedSchemas } from '../../lib/server/openapi.js'
import { ended, openServer, whenFree, type Json } from '../fixtures/server-fixture.js'

describe('the OpenAPI document', () => {
  it('is valid by the schema of the standard', async () => {
    await using at = await openServer()
    const { json } = await at.ask('openapi.json')
    expect(await new Validator().validate(json)).toEqual({ valid: true })
    delete json.paths['/api/runs'].get.parameters[0].in
    expect(await new Validator().validate(json)).toMatchObject({ valid: false })
  })

  it('has no broken reference', async () => {
    await using at = await openServer()
    const { json } = await at.ask('openapi.json')
    expect(json.openapi).toMatch(/^3\.1\.\d$/)
    expect(json.info).toMatchObject({
      title: 'chatwoot-sync',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    })
    const references = [...JSON.stringify(json).matchAll(/"\$ref":"([^"]+)"/g)].map(
      ([, reference]) => reference ?? '',
    )
    expect(references.length).toBeGreaterThan(20)
    for (const reference of references)
      expect({ reference, found: resolve(json, reference) }).toHaveProperty('found.type')
    expect(JSON.stringify(json.components.schemas)).not.toMatch(/"\$id"|"\$schema"/)
  })

  it('describes every operation in full', async () => {
    await using at = await openServer()
    const { json } = await at.ask('openapi.json')
    const operations = operationsOf(json)
    expect(operations).toHaveLength(8)
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length)
    for (const { path, method, parameters, responses, requestBody } of operations) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      const declared = parameters.filter((each: Json) => each.in === 'path').map(({ name }: Json) => name)
      expect(declared).toEqual(inPath)
      expect(method === 'post').toBe(requestBody !== undefined)
      expect(Object.keys(responses)).toContain('default')
      for (const [status, { description, content }] of Object.entries<Json>(responses)) {
        expect(description).toEqual(expect.any(String))
        const wanted = /^[45]|default/.test(status) ? ['application/problem+json'] : Object.keys(content)
        expect(Object.keys(content)).toEqual(wanted)
      }
    }
    const limit = json.paths['/api/runs'].get.parameters.find(({ name }: Json) => name === 'limit')
    expect(limit.schema).toMatchObject({ type: 'integer', minimum: 1, maximum: 200, default: 50 })
  })

  it('is what the server answers', async () => {
    await using at = await openServer()
    const started = await at.post('api/runs')
    expectSchema('RunStarted', started.json)
    const { executionId } = started.json
    await ended(at, executionId)
    expectSchema('Verification', (await whenFree(() => at.post('api/verify', { sample: 0.5 }))).json)
    expectSchema('Run', (await at.ask(`api/runs/${executionId}`)).json)
    expectSchema('RunPage', (await at.ask('api/runs')).json)
    expectSchema('Stats', (await at.ask('api/stats')).json)
    expectSchema('Health', (await at.ask('api/health')).json)
    expect((await at.ask('api/health?language=pt-BR')).text).toContain('Origem e destino são iguais.')
    expect((await at.ask('api/health?language=xx')).status).toBe(400)
    expectSchema('Problem', (await at.ask('api/runs/1')).json)
    const { json } = await at.ask('openapi.json')
    for (const { path, method, responses } of operationsOf(json)) {
      const [[wanted, { content }] = ['', {}]] = Object.entries<Json>(responses)
      const url = path.slice(1).replace('{id}', executionId)
      const { status, type } = await (method === 'get' ? at.ask(url) : whenFree(() => at.post(url)))
      expect({ path, status }).toEqual({ path, status: Number(wanted) })
      expect(type).toContain(Object.keys(content)[0])
      if (path === '/api/runs' && method === 'post')
        await ended(at, (await at.ask('api/runs')).json.runs[0].executionId)
    }
  })

  it('leaves out no route but those of the page and its own', async () => {
    const unused = () => Promise.reject(new Error('not used here'))
    const functions = {
      startRun: unused,
      readRuns: unused,
      readRun: unused,
      readStats: unused,
      verify: unused,
      health: unused,
    }
    const parts = { assets: new Map(), token: undefined, origins: [], version: '1.0.0', logger: silentLogger }
    const app = createApp({ ...parts, functions, live: createLiveRuns(unused) })
    const described = operationsOf(await (await app.request('/openapi.json')).json())
    const routes = app.routes
      .filter(({ method }) => method !== 'ALL')
      .map(({ method, path }) => `${method.toLowerCase()} ${path.replace(':id', '{id}')}`)
    expect(new Set(routes)).toEqual(
      new Set([
        ...described.map(({ method, path }) => `${method} ${path}`),
        ...['get /openapi.json', 'get /', 'get /assets/*'],
      ]),
    )
  })

  it('requires the token when there is one', async () => {
    await using at = await openServer({ token: 'correct-horse-battery-staple' })
    expect((await at.ask('openapi.json')).json.security).toEqual([{ bearer: [] }])
  })
})

function operationsOf({ paths }: Json): Json[] {
  return Object.entries<Json>(paths).flatMap(([path, methods]) =>
    Object.entries<Json>(methods).map(([method, operation]) => ({ path, method, ...operation })),
  )
}

function expectSchema(name: keyof typeof namedSchemas, answer: unknown): void {
  const checked = z.safeParse(namedSchemas[name], answer)
  expect({ name, issues: checked.error?.issues }).toEqual({ name, issues: undefined })
}

function resolve(document: Json, reference: string): Json {
  return reference
    .replace(/^#\//, '')
    .split('/')
    .reduce((place: Json, part) => place?.[part], document)
}
