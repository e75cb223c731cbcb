import { Validator } from '@seriousme/openapi-schema-validator'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'

import { endpoints, namedSchemas } from '../../lib/server/endpoints.js'
import { ended, openServer, until, type Json, type ServerFixture } from '../fixtures/server-fixture.js'

describe('the OpenAPI document', () => {
  it('is one by the schema of the standard', async () => {
    await using at = await openServer()
    const { json } = await at.ask('openapi.json')
    expect(await new Validator().validate(json)).toEqual({ valid: true })
    delete json.paths['/api/runs'].get.parameters[0].in
    expect(await new Validator().validate(json)).toMatchObject({ valid: false })
  })

  it('leads nowhere that is not', async () => {
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

  it('describes every operation whole', async () => {
    await using at = await openServer()
    const { json } = await at.ask('openapi.json')
    const operations = Object.entries<Json>(json.paths).flatMap(([path, methods]) =>
      Object.entries<Json>(methods).map(([method, operation]) => ({ path, method, ...operation })),
    )
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
    for (const { path, method, answer } of endpoints) {
      const url = path.slice(1).replace('{id}', executionId)
      const { status, type } = await (method === 'get' ? at.ask(url) : whenFree(() => at.post(url)))
      expect({ path, status }).toEqual({ path, status: answer.status })
      expect(type).toContain(answer.type ?? 'application/json')
      if (path === '/api/runs' && method === 'post')
        await ended(at, (await at.ask('api/runs')).json.runs[0].executionId)
    }
  })

  it('asks for the token where there is one', async () => {
    await using at = await openServer({ token: 'correct-horse-battery-staple' })
    expect((await at.ask('openapi.json')).json.security).toEqual([{ bearer: [] }])
  })
})

/** The row of a run is closed a moment before its lock is free. */
const whenFree = (post: () => ReturnType<ServerFixture['post']>) =>
  until(async () => {
    const answer = await post()
    return answer.status === 409 ? undefined : answer
  })

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
