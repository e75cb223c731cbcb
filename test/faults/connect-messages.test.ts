import { mkdtemp, rm } from 'node:fs/promises'
import { once } from 'node:events'
import { connect, createServer, type ListenOptions } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, it } from 'vitest'

import { diagnose, migrate, syncConversations } from '../../lib/index.js'
import { openShell, settings } from '../fixtures/cli-fixture.js'
import { openSync } from '../fixtures/sync-fixture.js'
import { cloneDatabase } from '../setup/database.js'

/** Leads to a server of the tests from somewhere else, until it is disposed of. */
async function openDoor(server: string, options: ListenOptions) {
  const { hostname, port } = new URL(server)
  const door = createServer((client) => {
    const inner = connect(Number(port), hostname)
    client.pipe(inner).pipe(client)
    for (const socket of [client, inner])
      socket.on('error', () => [client, inner].map((each) => each.destroy()))
  })
  door.listen(options)
  await once(door, 'listening')
  return {
    port: (door.address() as { port?: number }).port,
    [Symbol.asyncDispose]: async () => {
      door.close()
      await once(door, 'close')
    },
  }
}

it('connects through a Unix socket that a connection string names, also to migrate', async () => {
  await using source = await cloneDatabase('source')
  await using empty = await cloneDatabase('target', 'template0')
  const folder = await mkdtemp(join(tmpdir(), 'socket-'))
  await using _door = await openDoor(empty.url, { path: join(folder, '.s.PGSQL.6000') })
  const { username, password, pathname } = new URL(empty.url)
  const target = `postgres://${username}:${password}@${pathname}?host=${folder}&port=6000`
  expect((await migrate({ target })).applied.length).toBeGreaterThan(5)
  expect(await syncConversations({ source: source.url, target })).toMatchObject({ status: 'success' })

  await using shell = await openShell()
  const { code, stdout } = await shell.run(['status', '--json'], { LOCAL_DATABASE_URL: target })
  expect(code, stdout).toBe(0)
  await rm(folder, { recursive: true })
})

it('names the socket where there is none', async () => {
  const source = 'postgres://me:x@/chat?host=/nowhere&port=6000'
  const { checks } = await diagnose({ source, target: source })
  expect(checks).toMatchObject([
    {
      name: 'source-connection',
      message: expect.stringContaining('The source server /nowhere/.s.PGSQL.6000 cannot be reached'),
      remedy: expect.stringContaining('unix_socket_directories'),
    },
    { name: 'target-connection' },
  ])
})

it('takes an IPv6 address in brackets for a host', async () => {
  await using at = await openSync()
  await using door = await openDoor(at.source.url, { host: '::1', port: 0 })
  await using shell = await openShell()
  const variables = {
    ...settings('SOURCE', at.source),
    ...settings('LOCAL', at.target),
    SOURCE_DB_HOST: '[::1]',
    SOURCE_DB_PORT: String(door.port),
  }
  const { code, stderr } = await shell.run(['sync', '--quiet'], variables)
  expect(code, stderr).toBe(0)
})

it('names the variable of a password that is not set', async () => {
  await using at = await openSync()
  await using shell = await openShell()
  const variables = {
    ...settings('SOURCE', at.source),
    ...settings('LOCAL', at.target),
    SOURCE_DB_PASSWORD: '',
  }
  const { code, stderr } = await shell.run(['sync'], variables)
  expect(code).toBe(1)
  expect(stderr).toContain('asks for a password, and none is set')
  expect(stderr).toContain('Set SOURCE_DB_PASSWORD')
  expect(stderr).not.toContain('SASL')
})

it('says that sslmode=allow asks for TLS where the server has none', async () => {
  await using at = await openSync()
  await expect(at.sync({ source: `${at.source.url}?sslmode=allow` })).rejects.toMatchObject({
    code: 'SOURCE_TLS_FAILED',
    remedy: expect.stringContaining('sslmode=allow means verify-full here'),
  })
})

it('reads a settings file with a byte order mark', async () => {
  await using at = await openSync()
  await using shell = await openShell()
  const lines = Object.entries({ ...settings('SOURCE', at.source), ...settings('LOCAL', at.target) })
  await shell.write('.env', `\uFEFF${lines.map(([name, value]) => `${name}=${value}\r\n`).join('')}`)
  const { code, stderr } = await shell.run(['sync', '--quiet'])
  expect(code, stderr).toBe(0)
})
