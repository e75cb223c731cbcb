import { spawn, spawnSync, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { onTestFinished } from 'vitest'

import { builtFile } from './built-file.js'

const library = builtFile('bin/demo/cluster.ts')

/** A plain user, as on every Linux. */
export const nobody = { uid: 65534, gid: 65534 }

/** Whether this process may run Node as nobody, and nobody may read this repository, which can lie below a private folder. */
export const nobodyCanRead =
  process.geteuid?.() === 0 &&
  spawnSync(process.execPath, ['-p', 'fs.readFileSync(process.argv[1])', library], nobody).status === 0

/**
 * A Node process of its own that starts a cluster and then runs `body`, the inside of a module in plain JavaScript, which sees
 * `cluster`, `client` (a connected superuser) and `say`. What it says first, or its first error, comes back with the process.
 */
export function startChild(
  body: string,
  {
    options = {},
    module = pathToFileURL(library),
    ...spawning
  }: SpawnOptions & { options?: object; module?: URL } = {},
) {
  const program = `
    import { startCluster } from ${JSON.stringify(module.href)}
    import pg from 'pg'
    const say = (fact) => console.log(JSON.stringify(fact))
    const failed = ({ code, message }) => (say({ code, message }), process.exit(1))
    const cluster = await startCluster(${JSON.stringify(options)}).catch(failed)
    const client = new pg.Client(cluster.url())
    await client.connect()
    ${body}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    ...spawning,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  onTestFinished(() => void child.kill('SIGKILL'))
  const said = firstLine(child.stdout).then((line) => JSON.parse(line))
  return { child, exited, said }
}

async function firstLine(output: Readable): Promise<string> {
  for await (const line of createInterface(output)) return line
  throw new Error('The child ended without a word; its standard error tells why.')
}
