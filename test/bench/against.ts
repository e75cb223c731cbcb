// Measures this build against another one of an earlier commit, round by round in turn on the same servers, and prints the median of the
// paired ratios: npm run bench:against -- <folder of a built checkout> [rounds]
import { fork, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

import pg from 'pg'

import { createChatwootSource } from '../../bin/demo/chatwoot-source.js'
import { startCluster, type Cluster } from '../../bin/demo/cluster.js'
import { migrate } from '../../lib/index.js'

const [other, rounds = '15'] = process.argv.slice(2)
if (!other) throw new Error('Name the folder of the other checkout, which must be built.')
const folders = { after: fileURLToPath(new URL('../..', import.meta.url)), before: resolve(other) }
const sides = ['before', 'after'] as const
type Side = (typeof sides)[number]
const conversations = 20_000

const settings = { autovacuum: 'off', checkpoint_timeout: '1h', max_wal_size: '8GB', shared_buffers: '512MB' }
await using sources = await startCluster({ settings })
await using targets = await startCluster({ settings })
const source = await createDatabase(sources, 'chatwoot')
await createChatwootSource(source, { conversations })
await query(
  source,
  `create table items as
  select i::bigint as id, 'name ' || i as name, i * 1.5 as amount, now() at time zone 'UTC' as updated_at, md5(i::text) as a,
    md5(i::text || 'b') as b, md5(i::text || 'c') as c, i % 7 as d, i % 11 as e, repeat(md5(i::text), 10) as payload
  from generate_series(1, 100000) i`,
)
await query(source, 'alter table items add primary key (id)')
await query(source, 'vacuum analyze')
const template = await createDatabase(targets, 'template_target')
await migrate({ target: template })
await query(
  template,
  `create table items (id bigint primary key, name text, amount numeric, updated_at timestamp, a text, b text, c text,
  d integer, e integer, payload text)`,
)

const workers = { before: startWorker('before'), after: startWorker('after') }
const ratios = new Map<string, number[]>()
const cases: readonly [string, (side: Side, target: string) => Promise<number>][] = [
  ['first load', (side, target) => run(side, { source, target })],
  ['nothing changed (idle)', (side, target) => run(side, { source, target })],
  ['200 changed', async (side, target) => run(side, { source, target })],
  ['full load, nothing changed', (side, target) => run(side, { source, target, loadType: 'full' })],
  ['verify', (side, target) => run(side, { source, target, verify: true })],
  ['custom relation by COPY', (side, target) => run(side, { source, target, ...items })],
  [
    'custom relation by cursor',
    (side, target) =>
      run(side, { source, target, ...items, pipeline: 'cursor', extractor: 'cursor', loadType: 'full' }),
  ],
  ['memory of a first load', (side) => memory(side)],
  ['node chatwoot-sync --version', async (side) => command(side, ['--version'])],
  [
    'a whole idle command',
    async (side, target) => command(side, ['sync', '--no-log-file', '--quiet'], target),
  ],
]
const items = {
  relation: { name: 'items', key: 'id', changedAt: 'updated_at' },
  table: 'items',
  pipeline: 'items',
}

for (let round = 0; round < Number(rounds); round += 1) {
  const target = { before: await cloneTarget('before', round), after: await cloneTarget('after', round) }
  for (const [name, measure] of cases) {
    if (name === '200 changed') {
      await query(
        source,
        `update conversations set updated_at = clock_timestamp() at time zone 'UTC', status = (status + 1) % 2 where id % 100 = ${round % 100}`,
      )
    }
    const order = round % 2 === 0 ? sides : [...sides].reverse()
    const took: Partial<Record<Side, number>> = {}
    for (const side of order) took[side] = await measure(side, target[side])
    if (round > 0) ratios.set(name, [...(ratios.get(name) ?? []), (took.after ?? 0) / (took.before ?? 1)])
  }
  for (const side of sides)
    await query(targets.url(), `drop database "${new URL(target[side]).pathname.slice(1)}" with (force)`)
  process.stderr.write(`round ${round} done\n${[...ratios].map(summarize).join('')}`)
}
process.stdout.write([...ratios].map(summarize).join(''))
for (const worker of Object.values(workers)) worker.kill()

function summarize([name, values]: [string, number[]]): string {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(2)
  return `${name.padEnd(32)} after / before: ${at(0.5)} (quartiles ${at(0.25)} to ${at(0.75)}, ${sorted.length} rounds)\n`
}

async function createDatabase({ url }: Cluster, name: string): Promise<string> {
  await query(url(), `create database "${name}"`)
  return url(name)
}

async function cloneTarget(side: Side, round: number): Promise<string> {
  const name = `${side}_${round}`
  await query(targets.url(), `create database "${name}" template template_target`)
  return targets.url(name)
}

async function query(url: string, text: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  await client.query(text)
  await client.end()
}

function startWorker(side: Side): ChildProcess {
  const library = join(folders[side], 'dist/lib/index.js')
  return fork(fileURLToPath(new URL('against-worker.mjs', import.meta.url)), [library], {
    execArgv: ['--expose-gc'],
  })
}

/** Milliseconds of one call in the process of a side. */
async function run(side: Side, options: object): Promise<number> {
  const worker = workers[side]
  worker.send(options)
  const [answer] = (await once(worker, 'message')) as [{ milliseconds: number; error?: string }]
  if (answer.error) throw new Error(`${side}: ${answer.error}`)
  return answer.milliseconds
}

/** Peak memory of a process that does nothing but a first load. */
async function memory(side: Side): Promise<number> {
  const name = `memory_${side}`
  await query(targets.url(), `create database "${name}" template template_target`)
  const worker = startWorker(side)
  worker.send({ source, target: targets.url(name) })
  const [answer] = (await once(worker, 'message')) as [{ kilobytes: number; error?: string }]
  worker.kill()
  await query(targets.url(), `drop database "${name}" with (force)`)
  if (answer.error) throw new Error(`${side}: ${answer.error}`)
  return answer.kilobytes
}

function command(side: Side, args: readonly string[], target = ''): number {
  const began = performance.now()
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(folders[side], 'dist/bin/chatwoot-sync.cjs'), ...args],
    {
      env: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        SOURCE_DATABASE_URL: source,
        LOCAL_DATABASE_URL: target,
      },
      encoding: 'utf8',
    },
  )
  if (status !== 0) throw new Error(`${side}: ${stderr}`)
  return performance.now() - began
}
