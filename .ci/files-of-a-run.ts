// Counts the files of lib and db that have a function which one run calls, by V8's coverage: how many files somebody has to open who reads
// along. Prints a line each for a full, an incremental and an idle run; with --list the files too, and with --check it fails when a run goes through more
// than it may. Merge what changes together and what is read together; a file of more than one subject is no way to meet it.
import { Session } from 'node:inspector/promises'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

import pg from 'pg'

import { createChatwootSource, liveADay } from '../bin/demo/chatwoot-source.js'
import { startCluster, type Cluster } from '../bin/demo/cluster.js'
import { migrate, syncConversations } from '../lib/index.js'

const root = fileURLToPath(new URL('..', import.meta.url))
/** What was reached last, and may not grow. */
const ceilings = { full: 42, incremental: 43, idle: 25 } as const

// A vacuum of the server itself is a transaction, too, so that a run between two of them would not be idle.
const settings = { autovacuum: 'off' }
await using sources = await startCluster({ settings })
await using targets = await startCluster({ settings })
const source = await createDatabase(sources, 'chatwoot')
const target = await createDatabase(targets, 'analytics')
await createChatwootSource(source, { conversations: 482 })
await migrate({ target })

const profiler = new Session()
profiler.connect()
await measure('full')
await liveADay(source, { seed: 1 })
await measure('incremental')
// Until runs have found nothing to do.
for (let tries = 0, quiet = 0; tries < 20 && quiet < 3; tries += 1) {
  quiet = (await syncConversations({ source, target })).rowsExtracted > 0 ? 0 : quiet + 1
}
await measure('idle')
profiler.disconnect()

async function createDatabase({ url }: Cluster, name: string): Promise<string> {
  const client = new pg.Client(url())
  await client.connect()
  await client.query(`create database ${client.escapeIdentifier(name)}`)
  await client.end()
  return url(name)
}

async function measure(kind: keyof typeof ceilings): Promise<void> {
  await profiler.post('Profiler.enable')
  await profiler.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
  const { rowsExtracted } = await syncConversations({ source, target })
  const { result } = await profiler.post('Profiler.takePreciseCoverage')
  await profiler.post('Profiler.stopPreciseCoverage')
  const files = result.flatMap(({ url, functions }) => {
    const path = url.startsWith('file:') ? relative(root, fileURLToPath(url.replace(/\?.*/, ''))) : ''
    // The first entry of a file without a name is the file itself, whose imports are done.
    const called = functions.filter(
      ({ functionName, ranges: [range] }) =>
        range && range.count > 0 && (functionName !== '' || range.startOffset > 0),
    )
    return /^(lib|db)\//.test(path) && called.length > 0 ? [{ path, calls: called.length }] : []
  })
  const functions = files.reduce((sum, { calls }) => sum + calls, 0)
  console.log(
    `${kind}: ${files.length} files, ${functions} functions, ${rowsExtracted} rows (at most ${ceilings[kind]} files)`,
  )
  if (process.argv.includes('--list'))
    console.log(
      files
        .map(({ path, calls }) => `  ${path} ${calls}`)
        .sort()
        .join('\n'),
    )
  if (process.argv.includes('--check') && files.length > ceilings[kind]) process.exitCode = 1
}
