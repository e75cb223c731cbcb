import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { expect, vi } from 'vitest'

import { runCommandLine } from '../bin/program.js'
import { createChatwootSource, grantReader } from '../bin/demo/chatwoot-source.js'
import { migrate } from '../lib/postgres/migrate/migrate.js'
import { expectCleanLogs } from './setup/planted.js'
import { cloneDatabase, type TestDatabase } from './setup/database.js'

const command = fileURLToPath(new URL('../bin/chatwoot-sync.ts', import.meta.url))
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href

export type Variables = Readonly<Record<string, string>>

/** An empty folder, and the real command line in it, with no more of an environment than it is given. */
export async function openShell() {
  const folder = await mkdtemp(join(tmpdir(), 'cli-test-'))
  const given: [string, string][] = []
  const start = (args: readonly string[], variables: Variables = {}) => {
    given.push(...Object.entries(variables))
    const child = spawn(process.execPath, ['--import', tsx, command, ...args], {
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '', HOME: folder, ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return { child, ended: ended.then(([stdout, stderr, [code]]) => ({ code, stdout, stderr })) }
  }
  return {
    start,
    run: (args: readonly string[], variables?: Variables) => start(args, variables).ended,
    write: (name: string, content: string, mode = 0o600) => writeFile(join(folder, name), content, { mode }),
    read: (name: string) => readFile(join(folder, name), 'utf8'),
    files: () => readdir(folder),
    [Symbol.asyncDispose]: async () => {
      const secrets = given.filter(([name]) => /PASSWORD|SECRET|TOKEN/.test(name)).map(([, value]) => value)
      try {
        await expectCleanLogs(join(folder, 'logs'), secrets)
      } finally {
        await rm(folder, { recursive: true })
      }
    },
  }
}

/** What `--help` prints, without a process for each command, whose start is the slow part. */
export async function helpOf(command: string): Promise<string> {
  const printed: string[] = []
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => printed.push(String(text)) > 0)
  try {
    expect(await runCommandLine([...(command ? command.split(' ') : []), '--help']), command).toBe(0)
  } finally {
    write.mockRestore()
  }
  return printed.join('')
}

/** A small Chatwoot with a role that may only read, and a migrated target. */
export async function openPair(conversations = 30) {
  const [source, target] = await Promise.all([
    cloneDatabase('source', 'template1'),
    cloneDatabase('target', 'template1'),
  ])
  // Roles belong to the whole server, which other tests share.
  const reader = {
    user: `reader_${randomBytes(6).toString('hex')}`,
    password: randomBytes(12).toString('hex'),
  }
  await Promise.all([
    createChatwootSource(source.url, { conversations }).then(() => grantReader(source.url, reader)),
    migrate({ target: target.url }),
  ])
  return {
    source,
    target,
    reader,
    variables: { ...settings('SOURCE', source, reader), ...settings('LOCAL', target) },
    readerUrl: withUser(source.url, reader),
    async [Symbol.asyncDispose]() {
      await target[Symbol.asyncDispose]()
      await source.query(`drop owned by ${reader.user}`)
      await source.query(`drop role ${reader.user}`)
      await source[Symbol.asyncDispose]()
    },
  }
}

export type Pair = Awaited<ReturnType<typeof openPair>>

/** The variables that name this database; by another user than its owner if one is given. */
export function settings(
  prefix: 'SOURCE' | 'LOCAL',
  database: Pick<TestDatabase, 'url'>,
  user?: { user: string; password: string },
): Variables {
  const url = new URL(user ? withUser(database.url, user) : database.url)
  return {
    [`${prefix}_DB_HOST`]: decodeURIComponent(url.hostname),
    [`${prefix}_DB_PORT`]: url.port,
    [`${prefix}_DB_NAME`]: url.pathname.slice(1),
    [`${prefix}_DB_USER`]: decodeURIComponent(url.username),
    [`${prefix}_DB_PASSWORD`]: decodeURIComponent(url.password),
  }
}

function withUser(databaseUrl: string, { user, password }: { user: string; password: string }): string {
  const url = new URL(databaseUrl)
  url.username = encodeURIComponent(user)
  url.password = encodeURIComponent(password)
  return url.href
}
