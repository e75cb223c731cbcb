import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chown, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'

import { SyncError } from '../../lib/domain/errors.js'
import type { Account } from './cluster-account.js'
import type { Binaries } from './cluster-binaries.js'
import { isolated } from './cluster-process.js'
import type { Watchdog } from './cluster-watchdog.js'

export interface DataDirectory {
  readonly path: string
  /** The folders to remove with the cluster. */
  readonly temporary: readonly string[]
  /** Runs initdb unless the directory already holds a cluster; returns the superuser's password, random for a new one. */
  initialise(binaries: Binaries, watchdog: Watchdog): Promise<string>
  /** Removes what is temporary. */
  discard(): Promise<void>
}

export interface DataDirectoryOptions {
  readonly dataDirectory?: string
  readonly keepData?: boolean
}

/** In the data directory, which only the server's account can enter, so that a kept cluster can be started again. */
const passwordFile = 'superuser.password'

/**
 * The directory for a cluster's data: `dataDirectory`, created if missing, else a new private one. It is owned by `account`.
 * Throws DEMO_SERVER_FAILED if it contains anything else, because a temporary one will be removed.
 */
export async function openDataDirectory(
  account: Account | undefined,
  { dataDirectory, keepData = dataDirectory !== undefined }: DataDirectoryOptions,
): Promise<DataDirectory> {
  const used = dataDirectory !== undefined && (await isUsed(resolve(dataDirectory)))
  const scratch = await mkdtemp(join(tmpdir(), 'chatwoot-sync-cluster-'))
  const path = dataDirectory === undefined ? join(scratch, 'data') : resolve(dataDirectory)
  const kept = new Set(keepData ? [path, dirname(path)] : [])
  const temporary = [scratch, path].filter((folder) => !kept.has(folder))
  await mkdir(path, { recursive: true })
  if (account) {
    await chown(scratch, account.uid, account.gid)
    if (!used) await chown(path, account.uid, account.gid)
  }
  return {
    path,
    temporary,
    initialise: async (binaries, watchdog) => {
      if (used) return await readFile(join(path, passwordFile), 'utf8')
      const password = randomBytes(24).toString('base64url')
      await runInitdb({ account, binaries, path, password, scratch, watchdog })
      await writeFile(join(path, passwordFile), password, { mode: 0o600, flag: 'wx' })
      return password
    },
    discard: async () => {
      // With retries, because the backends of a killed postmaster may still write for a moment.
      const removal = { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }
      for (const folder of temporary) await rm(folder, removal)
    },
  }
}

/** Whether the folder holds a cluster of ours; false if it is empty or missing. */
async function isUsed(path: string): Promise<boolean> {
  const names = await readdir(path).catch((error: unknown): string[] => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  })
  if (names.length > 0 && !names.includes(passwordFile)) {
    throw new SyncError('DEMO_SERVER_FAILED', `${path} contains something other than a demo server's data.`, {
      remedy: 'Use an empty or a new data directory.',
    })
  }
  return names.length > 0
}

interface Initdb {
  readonly account: Account | undefined
  readonly binaries: Binaries
  readonly path: string
  readonly password: string
  readonly scratch: string
  readonly watchdog: Watchdog
}

async function runInitdb({ account, binaries, path, password, scratch, watchdog }: Initdb): Promise<void> {
  const pwfile = join(scratch, 'password')
  await writeFile(pwfile, password, { mode: 0o600, flag: 'wx' })
  if (account) await chown(pwfile, account.uid, account.gid)
  try {
    const child = spawn(binaries.initdb, initdbArguments(binaries, path, pwfile), {
      ...isolated(account, scratch),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    watchdog.watch(child)
    const [output, [exitCode]] = await Promise.all([
      text(child.stderr),
      once(child, 'close'),
      text(child.stdout),
    ])
    if (exitCode !== 0) throw new Error(output.trim() || `initdb ended with ${String(exitCode)}`)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new SyncError('DEMO_SERVER_FAILED', `initdb could not prepare ${path}: ${reason}`, {
      ...(account && {
        remedy: `The account ${account.name} must be able to enter that folder; set TMPDIR to use another.`,
      }),
      cause,
    })
  } finally {
    await rm(pwfile)
  }
}

function initdbArguments({ major }: Binaries, path: string, pwfile: string): string[] {
  return [
    `--pgdata=${path}`,
    '--username=postgres',
    `--pwfile=${pwfile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    // lower('Ç') works, and the sort order is the same on every host; older servers know only the host's locales.
    ...(major >= 17 ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'] : []),
    '--no-sync',
    ...(major >= 14 ? ['--no-instructions'] : []),
  ]
}
