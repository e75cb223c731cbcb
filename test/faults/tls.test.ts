import { readFileSync } from 'node:fs'

import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { createChatwootSource } from '../../bin/demo/chatwoot-source.js'
import { checkHealth, diagnose, migrate, syncConversations, verifyConversations } from '../../lib/index.js'
import { targetServer } from '../setup/database.js'
import { openTlsServer, type TlsServer } from '../fixtures/tls-fixture.js'

let server: TlsServer
let trusted: Record<string, string>
beforeAll(async () => {
  server = await openTlsServer()
  trusted = { sslmode: 'verify-full', sslrootcert: server.file('ca.crt') }
  const client = new pg.Client(server.cluster.url())
  await client.connect()
  await client.query('create database chatwoot')
  await client.query('create database analytics')
  await client.end()
  await createChatwootSource(server.cluster.url('chatwoot'), { conversations: 20 })
})
beforeEach(() => server.serve('good'))
afterAll(() => server[Symbol.asyncDispose]())

const text = (name: string) => readFileSync(server.file(name), 'utf8')

/** The same database by a URL and by a configuration of pg. */
function ways(database: string, { ca = 'ca.crt', host = 'localhost' } = {}) {
  const url = new URL(server.url(database, { sslmode: 'verify-full', sslrootcert: server.file(ca) }))
  url.hostname = host
  const plain = new URL(server.cluster.url(database))
  const { port, username: user, password } = plain
  const config = { host, port: Number(port), user, password: decodeURIComponent(password), database }
  return { url: url.href, configuration: { ...config, ssl: { ca: text(ca) } } }
}

describe.each(['url', 'configuration'] as const)('by a %s', (way) => {
  it('everything works under verify-full with an authority of its own', async () => {
    const [source, target] = [ways('chatwoot')[way], ways('analytics')[way]]
    await migrate({ target })
    expect(await syncConversations({ source, target, loadType: 'full' })).toMatchObject({ rowsExtracted: 20 })
    expect(await verifyConversations({ source, target })).toMatchObject({ rowsCompared: 20, rowsStale: 0 })
    expect(await checkHealth({ source, target })).toMatchObject({ healthy: true })
    const client = new pg.Client(target)
    await client.connect()
    const { rows } = await client.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()')
    expect(rows).toEqual([{ ssl: true }])
    await client.end()
  })

  const refusals = [
    ['another authority', 'good', { ca: 'other-ca.crt' }, /self.signed|unable to/i, /sslrootcert/],
    ['another host name', 'elsewhere', {}, /does not match/, /by a name/],
    [
      'an address that the certificate does not hold',
      'good',
      { host: '127.0.0.1' },
      /does not match/,
      /by a name/,
    ],
    ['a certificate that has ended', 'expired', {}, /expired/, /Renew/],
  ] as const
  it.each(refusals)(
    'is refused with %s, on both sides and by migrate',
    async (_, certificate, how, said, remedy) => {
      await server.serve(certificate)
      const [source, target] = [ways('chatwoot', how)[way], ways('analytics', how)[way]]
      const direct = { source: server.cluster.url('chatwoot'), target: server.cluster.url('analytics') }
      const failures = [
        ['SOURCE_TLS_FAILED', () => syncConversations({ ...direct, source, dryRun: true })],
        ['TARGET_TLS_FAILED', () => syncConversations({ ...direct, target, dryRun: true })],
        ['TARGET_TLS_FAILED', () => migrate({ target })],
      ] as const
      for (const [code, fail] of failures) {
        const message: unknown = expect.stringMatching(said)
        await expect(fail()).rejects.toMatchObject({ code, message, remedy: expect.stringMatching(remedy) })
      }
    },
  )

  it('a role that needs a certificate gets in with it, by migrate too, and not without or with a foreign one', async () => {
    const withClient = (database: string, name?: string) => {
      const own = name ? { sslcert: server.file(`${name}.crt`), sslkey: server.file(`${name}.key`) } : {}
      const url = Object.assign(new URL(server.url(database, { ...trusted, ...own })), {
        username: 'tls_user',
        password: '',
      })
      if (way === 'url') return url.href
      const pair = name ? { cert: text(`${name}.crt`), key: text(`${name}.key`) } : {}
      const address = { host: 'localhost', port: Number(url.port), user: 'tls_user', database }
      return { ...address, ssl: { ca: text('ca.crt'), ...pair } }
    }
    const [source, target] = [withClient('chatwoot', 'client'), withClient('analytics', 'client')]
    const admin = new pg.Client(server.cluster.url('analytics'))
    await admin.connect()
    await admin.query('drop schema public cascade; create schema public')
    await admin.end()
    expect((await migrate({ target })).applied.length).toBeGreaterThan(5)
    expect(await syncConversations({ source, target })).toMatchObject({ rowsInserted: 20 })
    const without = syncConversations({ source: withClient('chatwoot'), target, dryRun: true })
    await expect(without).rejects.toMatchObject({ code: 'SOURCE_AUTH_FAILED' })
    const foreign = syncConversations({
      source: withClient('chatwoot', 'foreign'),
      target,
      dryRun: true,
      retryBudget: 0,
    })
    await expect(foreign).rejects.toMatchObject({ code: 'SOURCE_TLS_FAILED' })
  })
})

it('doctor warns of a certificate that nobody verifies', async () => {
  const target = ways('analytics').url
  const source = server.url('chatwoot', { sslmode: 'no-verify' })
  const { checks } = await diagnose({ source, target })
  expect(checks.filter(({ name }) => name.endsWith('-encryption'))).toMatchObject([
    {
      ...{ name: 'source-encryption', outcome: 'warning', remedy: expect.stringContaining('verify-full') },
      message: expect.stringContaining('not verified'),
    },
    { name: 'target-encryption', outcome: 'ok' },
  ])
})

it('a server without TLS is refused where TLS is asked for', async () => {
  const plain = targetServer() + '?sslmode=verify-full'
  await expect(syncConversations({ source: plain, target: plain })).rejects.toMatchObject({
    code: 'TARGET_TLS_FAILED',
    message: expect.stringContaining('does not support SSL'),
  })
})

it('a certificate that cannot be read is told by its path', async () => {
  const handle = server.url('analytics', { sslmode: 'verify-full', sslrootcert: '/nowhere/ca.crt' })
  const failures = [
    () => syncConversations({ source: handle, target: handle }),
    () => migrate({ target: handle }),
  ]
  for (const fail of failures) {
    await expect(fail()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('/nowhere/ca.crt'),
    })
  }
})
