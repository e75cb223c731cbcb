import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

import { serverAccount } from '../bin/demo/cluster-account.js'

/** The program pgbouncer, where this machine has it. */
export const pgbouncer = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin']
  .map((folder) => join(folder, 'pgbouncer'))
  .find((path) => existsSync(path))

export type PoolMode = 'session' | 'transaction' | 'statement'

export interface Pooler extends AsyncDisposable {
  /** The URL of a database of the server, by way of the pooler. */
  through(url: string): string
}

/**
 * A PgBouncer before a server. The connection that was free for the longest is handed out first, so that two transactions of a client go over
 * two connections whenever there are two.
 */
export async function startPooler(serverUrl: string, mode: PoolMode): Promise<Pooler> {
  if (pgbouncer === undefined) throw new Error('There is no pgbouncer.')
  const { hostname, port, username, password } = new URL(serverUrl)
  const [account, folder, listenPort] = await Promise.all([
    serverAccount(),
    mkdtemp(join(tmpdir(), 'pgbouncer-')),
    freePort(),
  ])
  const users = join(folder, 'users.txt')
  const settings = join(folder, 'pgbouncer.ini')
  await writeFile(users, `"${decodeURIComponent(username)}" "${decodeURIComponent(password)}"\n`)
  await writeFile(
    settings,
    `[databases]
* = host=${hostname} port=${port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listenPort}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
pool_mode = ${mode}
default_pool_size = 4
server_round_robin = 1
`,
  )
  if (account) {
    for (const path of [folder, users, settings]) await chown(path, account.uid, account.gid)
  }
  const ids = account && { uid: account.uid, gid: account.gid }
  const child = spawn(pgbouncer, ['--quiet', settings], { ...ids, stdio: 'ignore' })
  const exited = once(child, 'exit')
  await untilListening(listenPort)
  return {
    through: (url) => Object.assign(new URL(url), { host: `127.0.0.1:${listenPort}` }).href,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGQUIT')
      await exited
      await rm(folder, { recursive: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await once(server.close(), 'close')
  if (typeof address !== 'object' || address === null) throw new Error('A server without a port.')
  return address.port
}

async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch {
      await wait(25)
    } finally {
      socket.destroy()
    }
  }
  throw new Error('pgbouncer does not listen; run it by hand to see why.')
}
