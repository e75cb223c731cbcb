import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { chromium, type Browser } from 'playwright-core'

/** A real browser: the one of CHROME_PATH, the one of the system, or the one that a package brings. */
export async function openBrowser(): Promise<Browser> {
  const installed = [process.env['CHROME_PATH'], '/usr/bin/chromium'].find((path) => path && existsSync(path))
  // The package's own list of arguments is for AWS Lambda. Its `--single-process` ends the whole browser with the first page that closes.
  return chromium.launch({
    executablePath: installed ?? (await unpackBrowser()),
    args: ['--no-sandbox'],
    env: { ...process.env, LANG: 'en_US.UTF-8' },
  })
}

/**
 * The package unpacks into the directory for temporary files, and takes whatever is there under its name for a whole browser: one of
 * another version, or one that another process is still writing. So it unpacks into a directory of its own, which gets its name when
 * all is there.
 */
async function unpackBrowser(): Promise<string> {
  const modules = fileURLToPath(new URL('../node_modules', import.meta.url))
  const about = await readFile(join(modules, '@sparticuz/chromium/package.json'), 'utf8')
  const caches = join(modules, '.cache')
  const home = join(caches, `chromium-${JSON.parse(about).version}`)
  if (!existsSync(home)) {
    await mkdir(caches, { recursive: true })
    const part = await mkdtemp(`${home}-`)
    await unpackInto(part)
    // Another process may have been faster.
    await rename(part, home).catch(() => rm(part, { recursive: true, force: true }))
  }
  return join(home, 'chromium')
}

async function unpackInto(directory: string): Promise<void> {
  const { TMPDIR } = process.env
  process.env['TMPDIR'] = directory
  try {
    const { default: packed } = await import('@sparticuz/chromium')
    await packed.executablePath()
  } finally {
    if (TMPDIR === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = TMPDIR
  }
}
