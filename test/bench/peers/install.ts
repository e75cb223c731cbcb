import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * A folder of its own with a Python and these packages, each as `name==version`, whose programs lie in `bin`. One that is there from an earlier
 * bench with the same packages is used again. Throws when one cannot be installed.
 */
export async function installPython(
  prefix: string,
  name: string,
  packages: readonly string[],
): Promise<string> {
  const folder = join(prefix, name)
  const done = join(folder, `${packages.join('_').replaceAll(/[^\w.=-]/g, '-')}.done`)
  if (existsSync(done)) return folder
  await rm(folder, { recursive: true, force: true })
  await mkdir(prefix, { recursive: true })
  try {
    await run('python3', ['-m', 'venv', folder])
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages]
    await run(join(folder, 'bin/python'), install, { maxBuffer: 64 * 1024 * 1024 })
  } catch (cause) {
    throw new Error(`${packages.join(' ')} cannot be installed.`, { cause })
  }
  await writeFile(done, await frozen(folder))
  return folder
}

/** Everything that lies there, with its version. */
async function frozen(folder: string): Promise<string> {
  return (await run(join(folder, 'bin/python'), ['-m', 'pip', 'freeze', '--disable-pip-version-check']))
    .stdout
}

/** Throws unless these programs of PostgreSQL can be started; returns the version of the first. */
export async function requirePrograms(folder: string | undefined, names: readonly string[]): Promise<string> {
  const versions: string[] = []
  for (const name of names) {
    const program = folder === undefined ? name : join(folder, 'bin', name)
    try {
      versions.push((await run(program, ['--version'])).stdout.trim())
    } catch (cause) {
      throw new Error(`${name} cannot be started. Install the client programs of PostgreSQL 15.`, { cause })
    }
  }
  return versions[0] ?? ''
}
