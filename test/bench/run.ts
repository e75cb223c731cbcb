import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'

import { startCluster, type Cluster } from '../../bin/demo/cluster.js'
import { readArguments, usage, type Arguments } from './arguments.js'
import type { Bench, Group } from './bench.js'
import { large } from './cases-large.js'
import type { Cost } from './contest.js'
import { conversationsOf, openChatwoot, type ChatwootPair, type Size } from './data-chatwoot.js'
import { openTable, wide, type TablePair } from './data-tables.js'
import { createPair, openDatabase, type Pair } from './database.js'
import type { Finding } from './findings.js'
import { chooseGroups, groups } from './groups.js'
import { describeMachine, machineLine } from './machine.js'
import { benchPeers } from './peers/bench-peers.js'
import { resultsTable, standings } from './peers/results.js'
import { linkServers } from './rivals.js'
import { costsTable, findingsTable } from './table.js'
import { startWorker } from './worker.js'

/**
 * Nothing works in the background while time is taken, and nothing waits for a checkpoint; memory as a server of such a size has it.
 * All else is as `startCluster` has it.
 */
const settings = {
  autovacuum: 'off',
  checkpoint_timeout: '1h',
  max_wal_size: '16GB',
  shared_buffers: '512MB',
}

async function main(): Promise<void> {
  const given = readArguments(process.argv.slice(2))
  if (given.help || given.list) {
    print(given.help ? usage : groups.map(({ name, shows }) => `${name.padEnd(10)} ${shows}`).join('\n'))
    return
  }
  if (given.peers) return measurePeers(given)
  const chosen = given.large ? [large] : chooseGroups(given.only)
  build()
  await using source = await startCluster({ settings })
  await using target = await startCluster({ settings })
  await using server = openDatabase(source.url())
  const machine = await describeMachine(server)
  await using worker = await startWorker()
  await using bench = openBench(given, { source, target, worker })
  const outcome = await measure(chosen, bench)
  if (outcome.failures.length > 0) process.exitCode = 1
  const { rows, repeat } = given
  const loadAtEnd = loadavg()[0]
  const about = `${machineLine(machine)}, ${loadAtEnd?.toFixed(2)} at the end; ${rows} rows, ${repeat} rounds`
  const tables = [findingsTable(outcome.findings), costsTable(outcome.costs), ...outcome.failures, about]
  await show(given, { machine, loadAtEnd, settings, rows, repeat, ...outcome }, tables)
}

/** Beside others; whoever is ahead in a column is named. */
async function measurePeers(given: Arguments): Promise<void> {
  build()
  const found = await benchPeers(given, (line) => process.stderr.write(`${line}\n`))
  const { rows, columns, bytes } = found.about
  const about = `${machineLine(found.machine)}, ${found.loadAtEnd?.toFixed(2)} at the end; ${rows} rows of ${columns} columns, ${(bytes / 1e6).toFixed(0)} MB`
  await show(given, found, [resultsTable(found.results), standings(found.results).join('\n'), about])
}

async function show({ json }: Arguments, found: object, tables: readonly string[]): Promise<void> {
  const text = JSON.stringify(found, null, 2)
  if (json !== undefined && json !== '-') await writeFile(json, `${text}\n`)
  print(json === '-' ? text : tables.join('\n\n'))
}

/** A group that fails does not count, and the others go on. */
async function measure(chosen: readonly Group[], bench: Bench) {
  const findings: Finding[] = []
  const costs: (Cost & { group: string })[] = []
  const failures: string[] = []
  for (const group of chosen) {
    bench.log(group.name)
    try {
      const result = await group.run(bench)
      // At once, as a run that is cut off later has still measured this.
      bench.log(findingsTable(result.findings))
      findings.push(...result.findings)
      costs.push(...result.costs.map((cost) => ({ group: group.name, ...cost })))
    } catch (error) {
      failures.push(`${group.name} failed: ${error instanceof Error ? String(error.stack) : String(error)}`)
      bench.log(failures.at(-1) ?? '')
    }
  }
  return { findings, costs, failures }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

function openBench(
  { rows, repeat }: Arguments,
  { source, target, worker }: { source: Cluster; target: Cluster; worker: Bench['worker'] },
): Bench & AsyncDisposable {
  const log = (line: string) => process.stderr.write(`${line}\n`)
  const opened: Pair[] = []
  let table: Promise<TablePair> | undefined
  const chatwoots = new Map<Size, Promise<ChatwootPair>>()

  async function createData(name: string): Promise<Pair> {
    const pair = await createPair(source, target, name)
    opened.push(pair)
    return pair
  }

  async function makeWide(): Promise<TablePair> {
    const pair = await openTable(await createData('wide'), wide(rows))
    await linkServers(pair, pair.data)
    log(`  wide: ${rows} rows of ${pair.data.columns.length} columns, ${pair.bytesPerRow} bytes`)
    return pair
  }

  async function makeChatwoot(size: Size): Promise<ChatwootPair> {
    const pair = await openChatwoot(await createData(`chatwoot_${size}`), size, conversationsOf(size, rows))
    const { milliseconds } = await worker.sync({ source: pair.source.url, target: pair.target.url })
    await pair.target.query('vacuum analyze')
    await pair.check('all')
    log(`  first load of ${pair.conversations} conversations: ${milliseconds.toFixed(0)} ms`)
    return pair
  }

  function chatwoot(size: Size): Promise<ChatwootPair> {
    const made = chatwoots.get(size) ?? makeChatwoot(size)
    chatwoots.set(size, made)
    return made
  }

  return {
    ...{ rows, repeat, source, target, worker, log, chatwoot },
    wide: () => (table ??= makeWide()),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(opened.map((pair) => pair[Symbol.asyncDispose]()))
    },
  }
}

/** A test of the bench has built the package already. */
function build(): void {
  if (process.env['CHATWOOT_SYNC_BUILT']) return
  const script = fileURLToPath(new URL('../../.ci/build.mjs', import.meta.url))
  const { status } = spawnSync(process.execPath, [script], { stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) throw new Error('The build failed, so there is nothing to measure.')
}

await main()
