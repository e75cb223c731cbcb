import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'

import { expect, it } from 'vitest'

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
const loader = new URL('../../bin/kept-program.ts', import.meta.url).href

/** A folder with a program that prints a word, and a way to start it. */
async function openProgram() {
  const folder = await mkdtemp(join(tmpdir(), 'kept-program-'))
  const program = join(folder, 'program.cjs')
  const cache = join(folder, 'cache')
  const kept = join(cache, 'chatwoot-sync')
  const script = `
    import { loadKept } from ${JSON.stringify(loader)}
    await loadKept(process.argv[1], process.argv[2]).print()`
  return {
    /** All programs are of one length, as V8 looks at no more than that. */
    says: async (word: 'one' | 'two', writtenAt: number, exitCode = 0) => {
      const content = `exports.print = async () => { console.log((await importOutside('node:path')).basename('/${word}')); process.exitCode = ${exitCode} }`
      await writeFile(program, content)
      await utimes(program, writtenAt, writtenAt)
    },
    start: async (command = 'sync', cacheHome = cache) => {
      const args = ['--import', tsx, '--input-type=module', '-e', script, program, command]
      const environment = { PATH: process.env['PATH'] ?? '', HOME: folder, XDG_CACHE_HOME: cacheHome }
      const child = spawn(process.execPath, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
      const [stdout, stderr] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'close'),
      ])
      expect(stderr).toBe('')
      return stdout.trim()
    },
    files: async () => (await readdir(kept).catch(() => [])).map((name) => join(kept, name)),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}

it('keeps what was compiled for the next start of the same command, where nobody else may write', async () => {
  await using program = await openProgram()
  await program.says('one', 1000)
  expect(await program.start()).toBe('one')
  const [kept = ''] = await program.files()
  const { mode, ino, mtimeMs } = await stat(kept)
  expect(mode & 0o777).toBe(0o600)
  expect(await program.start()).toBe('one')
  expect(await stat(kept)).toMatchObject({ ino, mtimeMs })
  expect(await program.start('status')).toBe('one')
  expect(await program.files()).toHaveLength(2)
})

it('starts anew when what was kept is damaged', async () => {
  await using program = await openProgram()
  await program.says('one', 1000)
  await program.start()
  const [kept = ''] = await program.files()
  const good = await readFile(kept)
  await writeFile(kept, good.subarray(0, good.length / 2))
  expect(await program.start()).toBe('one')
  expect((await readFile(kept)).length).toBeGreaterThan(good.length / 2)
})

it('runs nothing of an earlier version, though it be of the same length, and throws that away', async () => {
  await using program = await openProgram()
  await program.says('one', 1000)
  await program.start()
  await program.says('two', 2000)
  expect(await program.start()).toBe('two')
  expect(await program.start()).toBe('two')
  expect(await program.files()).toHaveLength(1)
})

it('starts where nothing can be kept, and keeps nothing of a command that failed or is none', async () => {
  await using program = await openProgram()
  await program.says('one', 1000)
  expect(await program.start('sync', '/dev/null')).toBe('one')
  expect(await program.start('--version')).toBe('one')
  await program.says('one', 2000, 1)
  expect(await program.start()).toBe('one')
  expect(await program.files()).toEqual([])
})
