import { once } from 'node:events'
import { access, chmod, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, it, onTestFinished, vi } from 'vitest'

import { nobody, nobodyCanRead, startChild } from '../setup/cluster-child.js'
import { preparedData } from '../setup/prepared-data.js'

/** For a busy machine; one whose init reaps no orphans takes 20 s, until the watchdog stops believing that the server still runs. */
const patience = { timeout: 120_000, interval: 50 }

const sayWhere = 'say({ port: cluster.port, dataDirectory: cluster.dataDirectory })'

it.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)(
  'leaves no server and no data when its process gets %s',
  async (signal) => {
    const options = signal === 'SIGKILL' ? {} : await preparedData()
    const { child, exited, said } = startChild(`${sayWhere}; setInterval(() => {}, 1000)`, { options })
    await access((await said).dataDirectory)
    child.kill(signal)
    await exited
    await expectNothingLeft(await said)
  },
)

it('stops in order, and keeps the data that it was asked to keep, when its process is killed', async () => {
  const dataDirectory = join(await temporaryFolder(), 'data')
  const { child, exited, said } = startChild(`${sayWhere}; setInterval(() => {}, 1000)`, {
    options: { dataDirectory },
  })
  const { port } = await said
  child.kill('SIGKILL')
  await exited
  await vi.waitFor(() => expect(connectTo(port)).rejects.toThrow('ECONNREFUSED'), patience)
  await vi.waitFor(
    async () =>
      expect(await readFile(join(dataDirectory, 'server.log'), 'utf8')).toContain('system is shut down'),
    patience,
  )
})

it('leaves nothing when its process is killed during initdb', async () => {
  const temporary = await temporaryFolder()
  const { child, exited, said } = startChild('', { env: { ...process.env, TMPDIR: temporary } })
  const word = said.catch((error: unknown) => error)
  const clusters = async () =>
    (await readdir(temporary)).filter((name) => name.startsWith('chatwoot-sync-cluster-'))
  const begun = async () => access(join(temporary, (await clusters())[0] ?? '', 'data', 'PG_VERSION'))

  await vi.waitFor(begun, { timeout: 120_000, interval: 1 })
  child.kill('SIGKILL')
  await exited

  expect(await word).toBeInstanceOf(Error)
  await vi.waitFor(async () => expect(await clusters()).toEqual([]), patience)
})

it('does not keep its process alive', async () => {
  const { exited, said } = startChild(`${sayWhere}; await client.end()`, { options: await preparedData() })
  expect(await exited).toEqual([0, null])
  await expectNothingLeft(await said)
})

it('answers its process after ctrl-C until that stops it', async () => {
  const { child, exited, said } = startChild(
    `process.once('SIGINT', async () => {
       const { rows } = await client.query("select 'still here' as answer")
       await client.end()
       await cluster.stop()
       process.exit(rows[0].answer === 'still here' ? 42 : 1)
     })
     ${sayWhere}`,
    { detached: true, options: await preparedData() },
  )
  await said
  // A terminal sends the signal to all processes of the foreground group.
  process.kill(-(child.pid ?? 0), 'SIGINT')
  expect(await exited).toEqual([42, null])
  await expectNothingLeft(await said)
})

it('takes neither time zone nor language nor PG* from the environment', async () => {
  const { exited, said } = startChild(
    `const { rows } = await client.query(
       "select name, setting from pg_settings where name in ('TimeZone', 'log_timezone', 'lc_messages', 'lc_time') order by name")
     await client.end()
     say(rows.map(({ name, setting }) => name + ' ' + setting))
     await cluster.stop()`,
    {
      env: {
        ...process.env,
        TZ: 'America/Sao_Paulo',
        LC_ALL: 'pt_BR.UTF-8',
        PGDATA: '/nowhere',
        PGPORT: '1',
        PGHOST: 'nowhere.invalid',
        PGDATABASE: 'nowhere',
      },
    },
  )
  expect(await said).toEqual(['TimeZone UTC', 'lc_messages C', 'lc_time C', 'log_timezone UTC'])
  await exited
})

it.runIf(nobodyCanRead)('runs as a plain user', async () => {
  const { child, exited, said } = startChild(`${sayWhere}; setInterval(() => {}, 1000)`, nobody)
  expect((await stat((await said).dataDirectory)).uid).toBe(nobody.uid)
  child.kill('SIGKILL')
  await exited
  await expectNothingLeft(await said)
})

/** The server goes first, so where the data is gone no server may answer. */
async function expectNothingLeft(said: { port: number; dataDirectory: string }): Promise<void> {
  const gone = () => expect(access(said.dataDirectory)).rejects.toThrow('ENOENT')
  await vi.waitFor(gone, patience)
  await expect(connectTo(said.port)).rejects.toThrow('ECONNREFUSED')
}

async function connectTo(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.destroy()
}

async function temporaryFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'cluster-test-'))
  onTestFinished(() => rm(path, { recursive: true }))
  // The account that the server runs under, as root, has to pass.
  await chmod(path, 0o755)
  return path
}
