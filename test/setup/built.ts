import { execFile } from 'node:child_process'
import { copyFile, mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { build } from 'esbuild'

import { share } from './shared.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const caches = join(root, 'node_modules', '.cache')

/**
 * Builds the package once for the run, as `npm run build` does but for the declarations, into a folder of the run's own, so that it
 * neither disturbs `dist` nor is disturbed. Tests start what `builtFile` names.
 */
export default async function setup() {
  const { release } = await share('built package', async () => {
    await removeLeftovers()
    const folder = join(caches, `built-${process.pid}`)
    await mkdir(folder, { recursive: true })
    await Promise.all([buildCommand(join(folder, 'dist')), compile(folder)])
    process.env['CHATWOOT_SYNC_BUILT'] = folder
    return {
      value: folder,
      stop: async () => {
        delete process.env['CHATWOOT_SYNC_BUILT']
        await rm(folder, { recursive: true, force: true })
      },
    }
  })
  return release
}

async function buildCommand(folder: string): Promise<void> {
  await promisify(execFile)(process.execPath, [join(root, '.ci/build.mjs'), '--command', folder])
}

/** The single files, for processes that use the library or a part of it. */
async function compile(folder: string): Promise<void> {
  const [library, examples] = await Promise.all([sources('lib', 'bin'), sources('examples')])
  const options = {
    outbase: root,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
  } as const
  await build({ ...options, entryPoints: library, outdir: join(folder, 'dist') })
  await build({ ...options, entryPoints: examples, outdir: folder })
  // By which the examples find the library as those of another package would.
  await copyFile(join(root, 'package.json'), join(folder, 'package.json'))
}

async function sources(...folders: readonly string[]): Promise<string[]> {
  const found = await Promise.all(folders.map((name) => readdir(join(root, name), { recursive: true })))
  return folders.flatMap((name, at) =>
    (found[at] ?? []).filter((file) => file.endsWith('.ts')).map((file) => join(root, name, file)),
  )
}

/** Builds of runs that were killed. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(caches).catch(() => [])) {
    const pid = /^built-(\d+)$/.exec(name)?.[1]
    if (pid && !isRunning(Number(pid))) await rm(join(caches, name), { recursive: true, force: true })
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
