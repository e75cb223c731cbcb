import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

import { describe, expect, it } from 'vitest'

import { createServer } from '../../lib/server/index.js'

const runs = { runs: [], next: null }
const nothing = {
  startRun: () => Promise.reject(new Error('no run here')),
  readRuns: async () => runs,
  readRun: async () => undefined,
  readStats: () => Promise.reject(new Error('no stats here')),
  verify: () => Promise.reject(new Error('no comparison here')),
  health: async () => ({ healthy: true, outcome: 'ok' as const, pipeline: 'conversations', checks: [] }),
}

/** What the server answers to a request that is written by hand. */
async function answerTo(port: number, lines: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write([...lines, 'Connection: close', '', ''].join('\r\n'))
  return text(socket)
}

const token = 'correct-horse-battery-staple'
const get = ['GET /api/runs HTTP/1.1', 'Host: localhost']

describe('a server without a token', () => {
  it.each([
    'X-Forwarded-For: 203.0.113.7',
    'X-Forwarded-Host: localhost',
    'x-real-ip: 203.0.113.7',
    'Forwarded: for=203.0.113.7',
    'Via: 1.1 proxy',
    'CF-Connecting-IP: 203.0.113.7',
  ])('answers no request that a proxy of this machine forwards: %s', async (header) => {
    await using server = await createServer(nothing)
    const { port } = await server.listen({ port: 0 })
    const answer = await answerTo(port, [...get, header])
    expect(answer).toMatch(/^HTTP\/1.1 403 /)
    expect(answer).toContain('"code":"FORWARDED"')
    expect(answer).toContain('CHATWOOT_SYNC_TOKEN')
    expect(await answerTo(port, get)).toMatch(/^HTTP\/1.1 200 /)
  })

  it('answers none in the version of HTTP in which nginx forwards', async () => {
    await using server = await createServer(nothing)
    const { port } = await server.listen({ port: 0 })
    expect(await answerTo(port, ['GET /api/runs HTTP/1.0', 'Host: 127.0.0.1'])).toContain(
      '"code":"FORWARDED"',
    )
  })
})

it('a server with a token answers behind a proxy', async () => {
  await using server = await createServer({ ...nothing, token })
  const { port } = await server.listen({ port: 0 })
  const forwarded = ['X-Forwarded-For: 203.0.113.7', `Authorization: Bearer ${token}`]
  expect(await answerTo(port, [...get, ...forwarded])).toMatch(/^HTTP\/1.1 200 /)
})

it.each([undefined, token])(
  'a request that names two hosts is rejected, with the token %s',
  async (given) => {
    await using server = await createServer({ ...nothing, token: given })
    const { port } = await server.listen({ port: 0 })
    const answer = await answerTo(port, [...get, 'Host: attacker.example', `Authorization: Bearer ${token}`])
    expect(answer).toMatch(/^HTTP\/1.1 400 /)
  },
)

it('of thousands of requests at once it takes as many as it can answer, and the next one too', async () => {
  let asked = 0
  let answer = (): void => undefined
  const held = new Promise<undefined>((resolve) => (answer = () => resolve(undefined)))
  await using server = await createServer({
    ...nothing,
    readRun: () => {
      asked += 1
      return held
    },
  })
  const { url, port } = await server.listen({ port: 0 })
  const idOf = (index: number) => `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`
  const answers: number[] = []
  const sockets = Array.from({ length: 800 }, (_, index) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      for (const [, status] of bytes.toString().matchAll(/HTTP\/1.1 (\d+)/g)) answers.push(Number(status))
    })
    const request = (at: number) =>
      `GET /api/runs/${idOf(index * 10 + at)} HTTP/1.1\r\nHost: localhost\r\n\r\n`
    socket.write(Array.from({ length: 10 }, (_, at) => request(at)).join(''))
    return socket
  })
  await expect.poll(() => answers.filter((status) => status === 503).length).toBeGreaterThan(100)
  expect(asked).toBeLessThanOrEqual(500)
  answer()
  for (const socket of sockets) socket.destroy()
  await expect.poll(async () => (await fetch(new URL('api/health', url))).status).toBe(200)
})

it('a client that goes away in the middle of its request is no failure of the server', async () => {
  const lines: string[] = []
  const note = (message: string) => void lines.push(message)
  const logger = { debug: note, info: note, warn: note, error: note }
  await using server = await createServer({ ...nothing, logger })
  const { url, port } = await server.listen({ port: 0 })
  for (const path of ['runs', 'verify']) {
    const socket = connect(port, '127.0.0.1')
    const head = [
      `POST /api/${path} HTTP/1.1`,
      'Host: localhost',
      'Content-Type: application/json',
      'Content-Length: 100',
    ]
    socket.write([...head, '', '{"load'].join('\r\n'))
    await once(socket, 'connect')
    await fetch(new URL('api/health', url))
    socket.destroy()
  }
  expect((await fetch(new URL('api/health', url))).status).toBe(200)
  expect(lines).toEqual([])
})
