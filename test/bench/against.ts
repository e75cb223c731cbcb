// Measures this build against another one of an earlier commit, round by round in turn on the same servers, and prints the median of the
// paired ratios: npm run bench:against -- <folder of a built checkout> [rounds] [pattern of cases] [conversations]
import { fork, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

import pg from 'pg'

import { createChatwootSource } from '../../bin/demo/chatwoot-source.js'
import { startCluster, type Cluster } from '../../bin/demo/cluster.js'
import { cpuOf } from './cpu.js'

const [other, rounds = '15', only = '', size = '20000'] = process.argv.slice(2)
if (!other) throw new Error('Name the folder of the other checkout, which must be built.')
const folders = { after: fileURLToPath(new URL('../..', import.meta.url)), before: resolve(other) }
const sides = ['before', 'after'] as const
type Side = (typeof sides)[number]
const conversations = Number(size)

const settings = { autovacuum: 'off', checkpoint_timeout: '1h', max_wal_size: '8GB', shared_buffers: '512MB' }
await using sources = await startCluster({ settings })
await using targets = await startCluster({ settings })
const source = await createDatabase(sources, 'chatwoot')
await createChatwootSource(source, { conversations })
// Six events a conversation, as a Chatwoot in use has.
await query(
  source,
  `insert into reporting_events (
    name, value, account_id, inbox_id, user_id, conversation_id, created_at, updated_at, value_in_business_hours, event_start_time,
    event_end_time
  )
  select 'reply_time', 60 * place, c.account_id, c.inbox_id, c.assignee_id, c.id, c.created_at + place * interval '1 minute',
    c.created_at + place * interval '1 minute', 60 * place, c.created_at, c.created_at + place * interval '1 minute'
  from conversations c
  cross join lateral (select count(*)::integer as events from reporting_events e where e.conversation_id = c.id) has
  cross join lateral generate_series(has.events + 1, 6) place
  order by c.created_at, place`,
)
await query(
  source,
  `create table items as
  select i::bigint as id, 'name ' || i as name, i * 1.5 as amount, now() at time zone 'UTC' as updated_at, md5(i::text) as a,
    md5(i::text || 'b') as b, md5(i::text || 'c') as c, i % 7 as d, i % 11 as e, repeat(md5(i::text), 10) as payload
  from generate_series(1, 100000) i`,
)
await query(source, 'alter table items add primary key (id)')
await query(source, 'vacuum analyze')
const workers = { before: startWorker('before'), after: startWorker('after') }
for (const side of sides) {
  const template = await createDatabase(targets, `template_${side}`)
  await run(side, { migrate: true, target: template })
  await query(
    template,
    `create table items (id bigint primary key, name text, amount numeric, updated_at timestamp, a text, b text, c text,
    d integer, e integer, payload text)`,
  )
}
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
  for (const [name, measure] of cases.filter(([name]) => new RegExp(only).test(name))) {
    if (name === '200 changed') {
      await query(
        source,
        `update conversations set updated_at = clock_timestamp() at time zone 'UTC', status = (status + 1) % 2 where id % ${conversations / 200} = ${round % 100}`,
      )
    }
    const order = round % 2 === 0 ? sides : [...sides].reverse()
    const took: Partial<Record<Side, number>> = {}
    const burnt: Partial<Record<Side, number>> = {}
    for (const side of order) {
      const before = cpuOfServers()
      took[side] = await measure(side, target[side])
      burnt[side] = cpuOfServers() - before
    }
    if (round > 0) {
      note(name, took)
      note(`${name}, CPU of the servers`, burnt)
    }
  }
  for (const side of sides)
    await query(targets.url(), `drop database "${new URL(target[side]).pathname.slice(1)}" with (force)`)
  process.stderr.write(`round ${round} done\n${[...ratios].map(summarize).join('')}`)
}
process.stdout.write([...ratios].map(summarize).join(''))
for (const worker of Object.values(workers)) worker.kill()

function cpuOfServers(): number {
  return cpuOf(sources.pid) + cpuOf(targets.pid)
}

function note(name: string, { before = 1, after = 0 }: Partial<Record<Side, number>>): void {
  ratios.set(name, [...(ratios.get(name) ?? []), after / Math.max(before, 0.01)])
}

function summarize([name, values]: [string, number[]]): string {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(2)
  return `${name.padEnd(48)} after / before: ${at(0.5)} (quartiles ${at(0.25)} to ${at(0.75)}, ${sorted.length} rounds)\n`
}

async function createDatabase({ url }: Cluster, name: string): Promise<string> {
  await query(url(), `create database "${name}"`)
  return url(name)
}

async function cloneTarget(side: Side, round: number): Promise<string> {
  const name = `${side}_${round}`
  await query(targets.url(), `create database "${name}" template template_${side}`)
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
  await query(targets.url(), `create database "${name}" template template_${side}`)
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
