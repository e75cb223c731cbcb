import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import pg from 'pg'

import { SyncError } from '../../lib/domain/errors.js'
import type { Account } from './cluster-account.js'
import type { Binaries } from './cluster-binaries.js'
import { lastLines } from './cluster-log.js'
import { isolated } from './cluster-process.js'
import type { Watchdog } from './cluster-watchdog.js'

export interface Launch {
  readonly account: Account | undefined
  readonly binaries: Binaries
  readonly dataDirectory: string
  readonly password: string
  readonly settings: Readonly<Record<string, string>>
  readonly port: number | undefined
}

export interface Server {
  readonly host: string
  readonly port: number
  readonly pid: number
  /** The last lines that the server wrote. */
  log(): string
  /** Resolves once the postmaster has exited; immediately if it already has. */
  stop(mode: 'fast' | 'immediate'): Promise<void>
}

const host = '127.0.0.1'

/** Another process can take a free port before the server does, but not five times in a row. */
const maxPortConflicts = 5

/** Milliseconds. The processes of a killed postmaster notice and exit within a second; 5 s are for a busy machine. */
const leftoverTimeout = 5_000

/** Milliseconds. Recovery after a crash takes long, but a server that needs a minute for temporary data is stuck. */
const startTimeout = 60_000

/**
 * Starts the server on initialised data; it has accepted a connection when this resolves. It chooses another port if the chosen one was taken
 * meanwhile, and waits for the remains of a killed server on the same data. Throws DEMO_SERVER_FAILED with the server's last lines.
 */
export async function startServer(launch: Launch, watchdog: Watchdog): Promise<Server> {
  const started = Date.now()
  for (let conflicts = 0; ;) {
    const port = launch.port ?? (await freePort())
    const child = await spawnServer(launch, port, watchdog)
    const log = () => lastLines(logFile(launch))
    const cause = await untilReady(child, { ...launch, port })
    if (!cause) {
      child.unref()
      return { host, port, pid: child.pid ?? 0, log, stop: (mode) => stopServer(child, mode) }
    }
    await stopServer(child, 'immediate')
    if (/could not bind/.test(log()) && launch.port === undefined && ++conflicts < maxPortConflicts) continue
    if (isLeftover(log()) && Date.now() - started < leftoverTimeout) {
      await delay(250)
      continue
    }
    throw new SyncError('DEMO_SERVER_FAILED', `The embedded PostgreSQL did not start. It wrote:\n${log()}`, {
      details: { port, dataDirectory: launch.dataDirectory },
      cause,
    })
  }
}

function isLeftover(log: string): boolean {
  return /lock file "postmaster.pid" already exists|pre-existing shared memory block/.test(log)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : 0
}

async function spawnServer(launch: Launch, port: number, watchdog: Watchdog): Promise<ChildProcess> {
  const { account, binaries, dataDirectory } = launch
  // A file, not a pipe: it accepts lines while our event loop is busy and after we exit. O_NOFOLLOW, because root must not follow a link that
  // the account has made.
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_APPEND
  const log = await open(logFile(launch), flags | (constants.O_NOFOLLOW ?? 0), 0o600)
  try {
    const child = spawn(binaries.postgres, serverArguments(launch, port), {
      ...isolated(account, dataDirectory),
      stdio: ['ignore', log.fd, log.fd],
    })
    watchdog.watch(child)
    await once(child, 'spawn')
    return child
  } catch (cause) {
    throw new SyncError('DEMO_SERVER_FAILED', `${binaries.postgres} could not be run.`, { cause })
  } finally {
    await log.close()
  }
}

function logFile({ dataDirectory }: Launch): string {
  return join(dataDirectory, 'server.log')
}

/** Without a Unix socket, whose folder others could enter. */
function serverArguments({ dataDirectory, settings }: Launch, port: number): string[] {
  const fixed = { listen_addresses: host, port: String(port), unix_socket_directories: '' }
  const all = Object.entries({ ...settings, ...fixed })
  return ['-D', dataDirectory, ...all.flatMap(([name, value]) => ['-c', `${name}=${value}`])]
}

/** Undefined once a connection succeeds, which proves that it is our server, as only that knows the password; else the last error. */
async function untilReady(child: ChildProcess, launch: Launch & { port: number }): Promise<unknown> {
  const deadline = Date.now() + startTimeout
  for (;;) {
    const failure = await tryToConnect(launch)
    if (!failure) return undefined
    if (hasExited(child) || Date.now() > deadline) return failure
    await delay(10)
  }
}

async function tryToConnect({ port, password }: Launch): Promise<unknown> {
  const client = new pg.Client({
    host,
    ...(port && { port }),
    user: 'postgres',
    password,
    database: 'postgres',
    ssl: false,
    connectionTimeoutMillis: 2_000,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return undefined
  } catch (error) {
    return error
  } finally {
    await client.end()
  }
}

async function stopServer(child: ChildProcess, mode: 'fast' | 'immediate'): Promise<void> {
  child.ref()
  // A stronger signal each time that it does not react.
  const signals =
    mode === 'fast' ? (['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) : (['SIGQUIT', 'SIGKILL'] as const)
  for (const signal of signals) {
    if (hasExited(child)) return
    const exit = once(child, 'exit')
    child.kill(signal)
    const exited = new AbortController()
    await Promise.race([exit, delay(10_000, undefined, { signal: exited.signal })])
    exited.abort()
  }
}

function hasExited({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}
