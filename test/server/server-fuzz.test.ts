import { connect } from 'node:net'

import { expect, it } from 'vitest'

import { openServer, type ServerFixture } from '../fixtures/server-fixture.js'
import { share } from '../setup/share.js'
import { rollDice, type Dice } from '../soak/dice.js'

const token = 'correct-horse-battery-staple'
const rounds = share(300, 1000)

it('malformed requests break nothing and reveal nothing', async () => {
  const errors: unknown[] = []
  const quiet = () => undefined
  const logger = {
    debug: quiet,
    info: quiet,
    warn: quiet,
    error: (...all: unknown[]) => void errors.push(all),
  }
  await using at = await openServer({ token, logger })
  const dice = rollDice(7)
  const answers: { status: number; text: string; sent: string }[] = []
  while (answers.length < rounds) {
    const batch = Array.from({ length: 25 }, () => makeRequest(dice))
    answers.push(...(await Promise.all(batch.map((text) => send(at, text)))))
  }
  const seen = new Map<number, number>()
  for (const { status } of answers) seen.set(status, (seen.get(status) ?? 0) + 1)
  expect(answers.filter(({ status }) => status >= 500)).toEqual([])
  expect(
    answers.filter(({ text }) => /node_modules|\.[tj]s:\d+|\n\s+at /.test(text.split('\r\n\r\n')[1] ?? '')),
  ).toEqual([])
  expect(errors).toEqual([])
  const failures = answers.filter(({ status, sent }) => status >= 400 && !sent.startsWith('HEAD'))
  expect(failures.filter(({ text }) => !/content-type: application\/problem\+json/i.test(text))).toEqual([])
  // Every kind of failure occurred, and success too.
  for (const status of [200, 400, 401, 404, 405, 413, 415])
    expect([status, seen.get(status)]).toEqual([status, expect.any(Number)])
  expect((await at.ask('api/runs', { headers: { authorization: `Bearer ${token}` } })).status).toBe(200)
})

/** A request as bytes: mostly valid, so that it gets far, with something invalid in it. */
function makeRequest(dice: Dice): string {
  const mostly = (right: string, wrong: readonly [string, ...string[]], share = 0.2) =>
    dice.chance(share) ? dice.pick(wrong) : right
  const noise = (length: number) =>
    Array.from({ length: dice.between(1, length) }, () => String.fromCharCode(dice.between(0, 255))).join('')
  const line = (length: number) => noise(length).replaceAll(/[\r\n]/g, '')
  const body = dice.pick([...bodies, noise(50)])
  const length = String(Buffer.byteLength(body, 'latin1'))
  const method = mostly(dice.pick(['GET', 'POST']), [
    'HEAD',
    'PUT',
    'DELETE',
    'PATCH',
    'OPTIONS',
    'BREW',
    line(5),
  ])
  const path = mostly(dice.pick(paths), [
    `/${encodeURIComponent(noise(40))}`,
    `/api/runs?status=${encodeURIComponent(noise(20))}`,
  ])
  const headers = [
    `Host: ${mostly('localhost', ['attacker.example', '', 'a b', 'localhost:99999', '@'], 0.1)}`,
    `Authorization: ${mostly(`Bearer ${token}`, ['Bearer', 'Bearer x', `Bearer ${'x'.repeat(5000)}`, `Basic ${token}`, line(30)])}`,
    `Content-Type: ${mostly('application/json', ['text/plain', 'application/json; charset=utf-16', 'application/jsonp', ''])}`,
    `Content-Length: ${mostly(length, ['-1', '0', '1', 'x', '99'], 0.1)}`,
    `Origin: ${mostly('http://localhost', ['null', 'https://attacker.example', 'javascript:1', line(9)], 0.1)}`,
    mostly(
      'X-Nothing: 1',
      [`X-Long: ${'v'.repeat(20_000)}`, ': nameless', 'X Space: 1', 'Transfer-Encoding: chunked'],
      0.04,
    ),
  ].filter(() => !dice.chance(0.03))
  return `${method} ${path} HTTP/1.1\r\n${headers.join('\r\n')}\r\nConnection: close\r\n\r\n${body}`
}

const paths = [
  '/api/runs',
  '/api/runs',
  '/api/verify',
  '/api/stats',
  '/metrics',
  '/api/runs/11111111-1111-4111-8111-111111111111',
  '/api/runs/11111111-1111-4111-8111-111111111111/events',
  '/api/runs?limit=-1',
  '/api/runs?limit=1e9&cursor=%27',
  `/api/runs?limit=${'9'.repeat(30)}`,
  '/api/runs?cursor=%ff&limit=%00',
  '/api/runs?limit[]=1&__proto__=2',
  '/api/runs/..',
  '/api/runs/%2e%2e',
  "/api/runs/1'or'1'='1",
  '/api/runs/%',
  '/api/runs/%zz',
  `/api/runs/${'0'.repeat(3000)}`,
  '/api/runs/\u00e3',
  '/assets/../server.ts',
  '/assets/..%2f..%2fpackage.json',
  '/assets/%2e%2e/%2e%2e/etc/passwd',
  '/assets/uplot',
  '/assets/%00',
  '/assets/main.js',
  '//api//runs',
  '/api/runs/',
  'http://[::1/api/runs',
  'api/runs',
  '*',
  '/__proto__',
  '/api/constructor',
] as const

const bodies = [
  '{}',
  '{"loadType":"sideways"}',
  '{"loadType":',
  '[]',
  'null',
  '"full"',
  '{"__proto__":{"loadType":"full"},"x":1}',
  '{"sample":1e999}',
  '{"sample":-0.1,"repair":"yes"}',
  '['.repeat(5000),
  ' '.repeat(20_000),
  '\u0000\u00ff\u00fe',
] as const

/** What comes back on a new connection; the server may also close it. */
async function send(
  { port }: ServerFixture,
  sent: string,
): Promise<{ status: number; text: string; sent: string }> {
  return new Promise((resolve) => {
    // Without a response the connection was closed, or the server waits for the rest of the body.
    const socket = connect(port, '127.0.0.1')
    let text = ''
    const done = () =>
      resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), text, sent: sent.slice(0, 300) })
    // The server waits for a body that is shorter than its declared length, so the client gives up.
    socket.setTimeout(2000, () => socket.destroy())
    socket.on('data', (piece) => (text += piece.toString('latin1')))
    socket.on('close', done)
    socket.on('error', () => undefined)
    socket.end(Buffer.from(sent, 'latin1'))
  })
}
