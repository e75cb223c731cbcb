import { once } from 'node:events'
import { access, chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, Server, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import pg from 'pg'
import { afterEach, expect, it, vi } from 'vitest'

import { startCluster, type Cluster } from '../../bin/demo/cluster.js'
import { preparedData } from '../setup/prepared-data.js'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

it('starts a private server in UTF-8 and UTC, and leaves nothing when it is stopped', async () => {
  const cluster = await startCluster()
  const [settings] = await query(
    cluster,
    `select
       current_setting('server_encoding') as encoding,
       current_setting('timezone') as "timeZone",
       current_setting('listen_addresses') as addresses,
       current_setting('unix_socket_directories') as sockets,
       lower('AÇÃO') as lower`,
  )
  expect(settings).toEqual({
    encoding: 'UTF8',
    timeZone: 'UTC',
    addresses: '127.0.0.1',
    sockets: '',
    lower: 'ação',
  })
  expect((await stat(cluster.dataDirectory)).mode & 0o777).toBe(0o700)

  await cluster.stop()
  await cluster.stop()

  await expect(access(cluster.dataDirectory)).rejects.toThrow('ENOENT')
  expect(() => process.kill(cluster.pid, 0)).toThrow('ESRCH')
  expect(cluster.log()).toContain('database system is shut down')
})

it('connects a role by its own password only', async () => {
  await using cluster = await startCluster(await preparedData())
  await query(cluster, `create role "a role" login password 'p@ss/word'`)

  const role = { user: 'a role', password: 'p@ss/word' }
  expect(await query(cluster, 'select current_user as name', cluster.url('postgres', role))).toEqual([
    { name: 'a role' },
  ])
  const wrong = cluster.url('postgres', { ...role, password: 'another' })
  await expect(query(cluster, 'select', wrong)).rejects.toThrow('password authentication failed')
})

it('lets the caller change settings', async () => {
  await using cluster = await startCluster({
    ...(await preparedData()),
    settings: { wal_level: 'logical', fsync: 'on' },
  })
  expect(
    await query(cluster, `select current_setting('wal_level') || current_setting('fsync') as it`),
  ).toEqual([{ it: 'logicalon' }])
})

it('reports what the server wrote when it does not start, and removes its data', async () => {
  await using temporary = await temporaryFolder()
  vi.stubEnv('TMPDIR', temporary.path)
  await expect(startCluster({ settings: { shared_buffers: 'plenty' } })).rejects.toMatchObject({
    code: 'DEMO_SERVER_FAILED',
    message: expect.stringContaining('invalid value for parameter "shared_buffers": "plenty"'),
  })
  const left = await readdir(temporary.path)
  expect(left.filter((name) => name.startsWith('chatwoot-sync-cluster-'))).toEqual([])
})

it('takes another port when the one it chose is taken meanwhile', async () => {
  await using occupied = await occupiedPort()
  vi.spyOn(Server.prototype, 'address').mockReturnValueOnce(occupied.address)
  await using cluster = await startCluster(await preparedData())
  expect(cluster.port).not.toBe(occupied.address.port)
  expect(await query(cluster, 'select 1 as one')).toEqual([{ one: 1 }])
})

it('fails when the port that the caller wants is taken', async () => {
  await using occupied = await occupiedPort()
  const starting = startCluster({ ...(await preparedData()), port: occupied.address.port })
  await expect(starting).rejects.toMatchObject({
    code: 'DEMO_SERVER_FAILED',
    message: expect.stringContaining('could not bind IPv4 address "127.0.0.1": Address already in use'),
  })
})

it('stops at once when the server is dead already', async () => {
  const cluster = await startCluster(await preparedData())
  process.kill(cluster.pid, 'SIGKILL')
  await vi.waitFor(() => expect(() => process.kill(cluster.pid, 0)).toThrow('ESRCH'), 120_000)
  await cluster.stop()
  await expect(access(cluster.dataDirectory)).rejects.toThrow('ENOENT')
})

it('starts kept data again, even right after its server was killed', async () => {
  await using temporary = await temporaryFolder()
  const dataDirectory = join(temporary.path, 'not', 'there', 'yet')
  const first = await startCluster({ dataDirectory })
  await query(first, 'create table kept as select 7 as number')
  await query(first, 'checkpoint')
  process.kill(first.pid, 'SIGKILL')
  await first.stop()

  await using second = await startCluster({ dataDirectory })
  expect(await query(second, 'select number from kept')).toEqual([{ number: 7 }])
  expect(second.url().replace(`:${second.port}`, '')).toBe(first.url().replace(`:${first.port}`, ''))
})

it('keeps data in a folder of its own choice when asked to', async () => {
  const cluster = await startCluster({ keepData: true })
  await cluster.stop()
  await access(join(cluster.dataDirectory, 'PG_VERSION'))
  await rm(dirname(cluster.dataDirectory), { recursive: true })
})

it('removes the data of a given folder when asked to', async () => {
  await using temporary = await temporaryFolder()
  const cluster = await startCluster({ dataDirectory: join(temporary.path, 'data'), keepData: false })
  await cluster.stop()
  expect(await readdir(temporary.path)).toEqual([])
})

it('neither uses nor removes a folder with something else in it', async () => {
  await using temporary = await temporaryFolder()
  await writeFile(join(temporary.path, 'PG_VERSION'), '18')
  await expect(startCluster({ dataDirectory: temporary.path, keepData: false })).rejects.toMatchObject({
    code: 'DEMO_SERVER_FAILED',
    message: expect.stringContaining('contains something other than a demo server'),
  })
  expect(await readdir(temporary.path)).toEqual(['PG_VERSION'])
})

async function query(cluster: Cluster, text: string, url = cluster.url()): Promise<pg.QueryResultRow[]> {
  const client = new pg.Client(url)
  await client.connect()
  // A test may kill the server while the client says goodbye.
  client.on('error', () => undefined)
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'cluster-test-'))
  // The account that the server runs under, as root, has to pass.
  await chmod(path, 0o755)
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

/** A port on which something listens that never answers. */
async function occupiedPort() {
  const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as AddressInfo
  return {
    address,
    [Symbol.asyncDispose]: async () => {
      server.close()
      await once(server, 'close')
    },
  }
}
