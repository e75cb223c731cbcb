/**
 * Runs syncs under `serve` with and without a crowd that reads its list of runs, and shows what the crowd costs.
 *
 *   npm run build && npx tsx test/soak/serve-load.ts [--rows 100000] [--clients 200] [--rounds 3] [--seconds 30]
 *
 * Exit code 1 when a client met an error, or a sync took more than 15 % longer.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'

import { parseArgs } from 'node:util'

import pg from 'pg'

import { createChatwootSource } from '../../bin/demo/chatwoot-source.js'
import { startCluster, type Cluster } from '../../bin/demo/cluster.js'
import type { SyncReport } from '../../lib/domain/report.js'
import { migrate } from '../../lib/postgres/migrate/migrate.js'
import { builtCommand } from '../setup/built-file.js'
import { readInCrowd, type CrowdResult } from './serve-crowd.js'

const { values: given } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000' },
    clients: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '30' },
  },
})

async function main(): Promise<void> {
  const [source, target] = await Promise.all([startCluster(), startCluster()])
  try {
    await Promise.all([
      createChatwootSource(await createDatabase(source, 'chatwoot'), { conversations: Number(given.rows) }),
      migrate({ target: await createDatabase(target, 'analytics') }),
    ])
    console.log(`${given.rows} conversations are there.`)
    await compare(source.url('chatwoot'), target.url('analytics'))
  } finally {
    await Promise.all([source.stop('immediate'), target.stop('immediate')])
  }
}

async function compare(sourceUrl: string, targetUrl: string): Promise<void> {
  const { url, stop } = await serve(sourceUrl, targetUrl)
  const quiet: number[] = []
  const crowded: number[] = []
  const crowds: CrowdResult[] = []
  try {
    await firstLoad(url, targetUrl)
    for (let round = 1; round <= Number(given.rounds); round++) {
      quiet.push(await firstLoad(url, targetUrl))
      const ended = new AbortController()
      const crowd = readInCrowd(`${url}api/runs`, Number(given.clients), ended.signal)
      const enough = wait(Number(given.seconds) * 1000)
      await wait(1000)
      crowded.push(await firstLoad(url, targetUrl))
      await enough
      ended.abort()
      crowds.push(await crowd)
      console.log(
        `Round ${round}: ${quiet.at(-1)} s alone, ${crowded.at(-1)} s with the crowd`,
        crowds.at(-1),
      )
    }
  } finally {
    await stop()
  }
  const slower = median(crowded) / median(quiet) - 1
  const errors = crowds.reduce((sum, crowd) => sum + crowd.errors, 0)
  console.log(JSON.stringify({ alone: median(quiet), crowded: median(crowded), slower, errors }))
  if (slower > 0.15 || errors > 0) process.exitCode = 1
}

/** The command as a process of its own, as it runs in earnest. */
async function serve(sourceUrl: string, targetUrl: string) {
  const child = spawn(process.execPath, [builtCommand(), 'serve', '--port', '0', '--json', '--no-log-file'], {
    env: { PATH: process.env['PATH'] ?? '', SOURCE_DATABASE_URL: sourceUrl, LOCAL_DATABASE_URL: targetUrl },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const { url }: { url: string } = JSON.parse(line)
  const stop = async () => {
    child.kill('SIGTERM')
    await exited
  }
  return { url, stop }
}

/** Loads everything into an empty table; gives the seconds that it took. */
async function firstLoad(url: string, targetUrl: string): Promise<number> {
  const client = new pg.Client(targetUrl)
  await client.connect()
  await client.query('truncate conversas_analytics, etl_control')
  await client.query('checkpoint')
  await client.end()
  const headers = { 'content-type': 'application/json' }
  const started = await fetch(`${url}api/runs`, { method: 'POST', headers, body: '{"loadType":"full"}' })
  const { executionId } = (await started.json()) as { executionId: string }
  const events = await (await fetch(`${url}api/runs/${executionId}/events`)).text()
  const report = JSON.parse(/event: end\ndata: (.*)/.exec(events)?.[1] ?? '{}') as SyncReport
  if (report.status !== 'success') throw new Error(`The run ended with ${report.errorCode ?? events}.`)
  return report.durationSeconds ?? 0
}

async function createDatabase(cluster: Cluster, name: string): Promise<string> {
  const client = new pg.Client(cluster.url())
  await client.connect()
  await client.query(`create database ${client.escapeIdentifier(name)}`)
  await client.end()
  return cluster.url(name)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

await main()
