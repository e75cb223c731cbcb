import { request } from 'node:http'

import { Hono } from 'hono'
import { mount } from 'hono/mount'
import { describe, expect, it } from 'vitest'

import { createServer } from '../../lib/server/index.js'
import { openServer, type Json, type ServerFixture } from '../fixtures/server-fixture.js'

const token = 'correct-horse-battery-staple'
const nothing = {
  startRun: () => Promise.reject(new Error('no run here')),
  readRuns: async () => ({ runs: [], next: null }),
  readRun: async () => undefined,
  readStats: () => Promise.reject(new Error('postgres://user:password@host/database at line 1')),
  verify: () => Promise.reject(new Error('no comparison here')),
  health: async () => ({ healthy: true, outcome: 'ok' as const, pipeline: 'conversations', checks: [] }),
}

describe('a server with a token', () => {
  it('answers only clients that send it', async () => {
    await using at = await openServer({ token })
    const statusWith = async (authorization?: string, path = 'api/runs') =>
      (await at.ask(path, authorization ? { headers: { authorization } } : {})).status
    expect(await statusWith()).toBe(401)
    expect(await statusWith('Bearer wrong')).toBe(401)
    expect(await statusWith(`Bearer ${token}x`)).toBe(401)
    expect(await statusWith(`Basic ${token}`)).toBe(401)
    expect(await statusWith(`Bearer ${token}`)).toBe(200)
    for (const path of ['api/stats', 'api/health', 'api/nothing', 'metrics']) {
      expect(await statusWith(undefined, path)).toBe(401)
    }
    const { headers, json, type } = await at.ask('api/runs')
    expect(headers.get('www-authenticate')).toBe('Bearer')
    expect({ code: json.code, type }).toMatchObject({ code: 'UNAUTHORIZED' })
    expect((await at.post('api/runs')).status).toBe(401)
  })

  it('accepts every character that a token may have', async () => {
    const printable = Array.from({ length: 0x7e - 0x20 }, (_, at) => String.fromCharCode(0x21 + at)).join('')
    await using server = await createServer({ ...nothing, token: printable })
    const request = new Request('http://localhost/api/runs', {
      headers: { authorization: `bearer  ${printable}` },
    })
    expect((await server.fetch(request)).status).toBe(200)
  })

  it('serves the page and the description to everybody, as they hold no data', async () => {
    await using at = await openServer({ token })
    expect((await at.ask('')).type).toContain('text/html')
    expect((await at.ask('assets/main.js')).type).toContain('text/javascript')
    expect((await at.ask('openapi.json')).status).toBe(200)
  })

  it('may listen where other machines can reach it', async () => {
    await using server = await createServer({ ...nothing, token })
    const { port } = await server.listen({ port: 0, host: '0.0.0.0' })
    expect((await fetch(`http://127.0.0.1:${port}/api/runs`)).status).toBe(401)
  })

  it.each(['short', '', 'with a space in it, and long', 'ação-ação-ação-ação'])(
    'cannot have %j',
    async (bad) => {
      await expect(createServer({ ...nothing, token: bad })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    },
  )
})

describe('a server without a token', () => {
  it.each(['0.0.0.0', '::', '192.0.2.1', 'example.com'])('does not listen at %s', async (host) => {
    await using server = await createServer(nothing)
    await expect(server.listen({ port: 0, host })).rejects.toMatchObject({ code: 'CONFIG_MISSING' })
  })

  it('answers to no other host name, so that a page of another site cannot read it', async () => {
    await using at = await openServer()
    const { status, json } = await askAs(at, 'attacker.example')
    expect({ status, code: json.code }).toEqual({ status: 421, code: 'WRONG_HOST' })
    expect((await askAs(at, `localhost:${at.port}`)).status).toBe(200)
  })

  it('lets no page of another site start a run', async () => {
    await using at = await openServer()
    const { status, json } = await at.post('api/runs', {}, { origin: 'https://attacker.example' })
    expect({ status, code: json.code }).toEqual({ status: 403, code: 'FORBIDDEN' })
    // A browser sends a form without asking for permission, but a form cannot declare JSON.
    const form = await at.ask('api/runs', {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'text/plain' },
    })
    expect(form.status).toBe(415)
    expect((await at.ask('api/runs')).json.runs).toEqual([])
    expect((await at.post('api/runs', {}, { origin: at.url.slice(0, -1) })).status).toBe(202)
  })
})

describe('an answer', () => {
  it('lets the page load only its own files', async () => {
    await using at = await openServer()
    for (const path of ['', 'api/runs', 'nothing']) {
      const { headers } = await at.ask(path)
      expect(headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'")
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('access-control-allow-origin')).toBeNull()
      expect(Object.fromEntries(headers)).toMatchObject({
        'content-security-policy':
          "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
        'permissions-policy': 'camera=(), geolocation=(), microphone=()',
        'referrer-policy': 'no-referrer',
        'x-frame-options': 'DENY',
        'origin-agent-cluster': '?1',
        'x-dns-prefetch-control': 'off',
        'x-permitted-cross-domain-policies': 'none',
        'cache-control': path === '' ? 'no-cache' : 'no-store',
      })
      // It would hold for the whole host, which belongs to the service that mounts this server.
      expect(headers.get('strict-transport-security')).toBeNull()
    }
  })

  it('can be read by pages of the sites in origins', async () => {
    await using at = await openServer({ origins: ['https://tools.example'] })
    const preflight = (origin: string) =>
      at.ask('api/runs', {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'content-type',
        },
      })
    expect((await preflight('https://tools.example')).headers.get('access-control-allow-origin')).toBe(
      'https://tools.example',
    )
    expect((await preflight('https://other.example')).headers.get('access-control-allow-origin')).toBeNull()
    expect((await at.post('api/runs', {}, { origin: 'https://tools.example' })).status).toBe(202)
  })

  it('with a file that has not changed is sent once', async () => {
    await using at = await openServer()
    const etag = (await at.ask('assets/main.js')).headers.get('etag') ?? ''
    expect((await at.ask('assets/main.js', { headers: { 'if-none-match': etag } })).status).toBe(304)
  })

  it('to an unexpected error shows nothing of it, but the log does', async () => {
    const lines: string[] = []
    const error = (message: string, fields = {}) => void lines.push(JSON.stringify({ message, ...fields }))
    const quiet = () => undefined
    await using at = await openServer({
      ...nothing,
      logger: { debug: quiet, info: quiet, warn: quiet, error },
    })
    const { status, json, text } = await at.ask('api/stats')
    expect({ status, code: json.code }).toEqual({ status: 500, code: 'INTERNAL' })
    expect(text).not.toMatch(/password|host|line/)
    expect(lines.join()).toContain('at line 1')
    expect(lines.join()).not.toContain('password')
  })

  it('to a body that is too large is a problem, however it is sent', async () => {
    await using at = await openServer()
    const headers = { 'content-type': 'application/json' }
    const whole = await at.ask('api/runs', { method: 'POST', headers, body: ' '.repeat(20_000) })
    expect(whole.status).toBe(413)
    const pieces = new ReadableStream({
      start(stream) {
        for (let sent = 0; sent < 20; sent++) stream.enqueue(new Uint8Array(1000))
        stream.close()
      },
    })
    const streamed = { method: 'POST', headers, body: pieces, duplex: 'half' } as const
    expect((await at.ask('api/runs', streamed)).status).toBe(413)
    const small = { ...streamed, body: new Blob(['{"loadType":"sideways"}']).stream() }
    expect((await at.ask('api/runs', small)).status).toBe(400)
  })

  it('to a method that a path does not have lists those it has', async () => {
    await using at = await openServer()
    const { status, headers, json } = await at.ask('api/runs', { method: 'DELETE' })
    expect({ status, code: json.code }).toEqual({ status: 405, code: 'METHOD_NOT_ALLOWED' })
    expect(headers.get('allow')).toBe('POST, GET, HEAD')
  })
})

it('the handler works where a service mounts it', async () => {
  await using at = await openServer()
  const service = new Hono().all(
    '/sync/*',
    mount((request) => at.server.fetch(request)),
  )
  const ask = async (path: string) => service.fetch(new Request(`https://service.example/sync/${path}`))
  expect(await (await ask('api/runs')).json()).toEqual({ runs: [], next: null })
  expect(await (await ask('')).text()).toContain('<title>chatwoot-sync</title>')
  expect((await ask('assets/uplot/uPlot.iife.min.js')).status).toBe(200)
})

it('the main entry still exports what moved to its own entry', async () => {
  const main = await import('chatwoot-sync')
  const server = await import('chatwoot-sync/server')
  expect(Object.keys(main)).toEqual(expect.arrayContaining(Object.keys(server)))
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  await using same = await main.createServer({ ...nothing, token })
  expect((await same.fetch(new Request('http://localhost/api/runs'))).status).toBe(401)
})

it('a port that is in use is reported as such', async () => {
  await using at = await openServer()
  await using server = await createServer(nothing)
  await expect(server.listen({ port: at.port })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('another program uses it already'),
  })
})

/** `fetch` does not allow another host name in the request. */
async function askAs({ port }: ServerFixture, host: string): Promise<{ status: number; json: Json }> {
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path: '/api/runs', headers: { host } }, (response) => {
      let text = ''
      response.on('data', (piece) => (text += String(piece)))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, json: JSON.parse(text) }))
    })
      .on('error', reject)
      .end()
  })
}
