import { access, chmod, constants, mkdtemp, readdir, readFile, readlink, rm, statfs } from 'node:fs/promises'
import { freemem, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { share } from './shared.js'

/**
 * Gives the whole run a temporary folder of its own. At the end nothing may be left in it, and no process that has to do with it;
 * what is left is removed, and named in an error that fails the run.
 */
export default async function setup() {
  const { release } = await share('temporary folder', async () => {
    const before = process.env['TMPDIR']
    const folder = await mkdtemp(join(await parentFolder(), 'chatwoot-sync-tests-'))
    // Like /tmp: as root, servers and some tests run under other accounts.
    await chmod(folder, 0o1777)
    process.env['TMPDIR'] = folder
    return {
      value: folder,
      stop: async () => {
        if (before === undefined) delete process.env['TMPDIR']
        else process.env['TMPDIR'] = before
        try {
          await expectNothingLeft(folder)
        } finally {
          await rm(folder, { recursive: true, force: true, maxRetries: 5 })
        }
      },
    }
  })
  return release
}

const memory = '/dev/shm'
const enough = 4 * 2 ** 30

/**
 * The memory of a Linux machine that has plenty of it, where a copy of a database takes a tenth of the time; else the usual place. A
 * TMPDIR that is given is taken, and a file system where no program may run is not.
 */
async function parentFolder(): Promise<string> {
  if (process.env['TMPDIR']) return tmpdir()
  try {
    await access(memory, constants.W_OK)
    const { bavail, bsize } = await statfs(memory)
    const mounts = await readFile('/proc/mounts', 'utf8')
    const options = mounts
      .split('\n')
      .find((line) => line.split(' ')[1] === memory)
      ?.split(' ')[3]
    const fits = Math.min(bavail * bsize, freemem()) > enough
    return fits && options && !options.split(',').includes('noexec') ? memory : tmpdir()
  } catch {
    return tmpdir()
  }
}

/** Workers of vitest end a moment after their last test, and a watchdog after the server that it watches. */
async function expectNothingLeft(folder: string): Promise<void> {
  let left: readonly string[] = []
  for (let look = 0; look < 100; look += 1) {
    left = [...(await readdir(folder)).filter((name) => !isOfTools(name)), ...(await processesOf(folder))]
    if (left.length === 0) return
    await delay(100)
  }
  process.exitCode = 1
  throw new Error(`The tests have left something behind:\n${left.join('\n')}`)
}

/** What tsx, Node and the copy of the PostgreSQL binaries keep there for later starts. */
function isOfTools(name: string): boolean {
  return /^(tsx-|node-compile-cache|chatwoot-sync-postgres-)/.test(name)
}

/** Where /proc tells: processes other than this one and its workers that name the folder in their arguments or work in it. */
async function processesOf(folder: string): Promise<string[]> {
  const found: string[] = []
  for (const pid of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue
    const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    const place = await readlink(`/proc/${pid}/cwd`).catch(() => '')
    if (words.includes(folder) || place.startsWith(folder))
      found.push(`process ${pid}: ${words.replaceAll('\0', ' ').slice(0, 200)}`)
  }
  return found
}
