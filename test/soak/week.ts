import { readdirSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { SyncError } from '../../lib/domain/errors.js'
import { syncConversations, verifyConversations } from '../../lib/index.js'
import { openArena, type Arena, type Servers } from './arena.js'
import { rollDice, type Dice } from './dice.js'
import { changeSource } from './killing.js'
import { contents, conversations, keysLost } from './subject.js'

/** What the process and the servers hold between two runs. */
export interface Sample {
  readonly runs: number
  readonly heapBytes: number
  readonly residentBytes: number
  readonly handles: number
  /** Sessions of runs in both servers. */
  readonly connections: number
  /** Temporary tables of the target. */
  readonly tables: number
  /** Temporary files that both databases have written since the start. */
  readonly files: number
  readonly rowsOfControl: number
}

export interface Week {
  readonly runs: number
  /** Runs by what became of them: `incremental`, `full`, `verify`, or the code of the failure. */
  readonly outcomes: Readonly<Record<string, number>>
  readonly samples: readonly Sample[]
  /** Conversations that differ at the end. */
  readonly lost: number
  readonly faults: readonly string[]
}

/** Milliseconds for which runs stay in the control table, so that a week in fast motion outlives them. */
export const keepHistory = 5000

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

/** Run after run in this process, most with nothing to do, while connections are cut and runs are stopped at random. */
export async function liveAWeek(servers: Servers, seed: number, runs: number): Promise<Week> {
  await using arena = await openArena(servers, conversations)
  const dice = rollDice(seed, 6)
  const outcomes: Record<string, number> = {}
  const samples: Sample[] = []
  for (let turn = 0; turn < runs; turn += 1) {
    if (dice.chance(0.1)) await changeSource(arena, turn)
    const outcome = await runOnce(arena, dice)
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    if ((turn + 1) % Math.max(1, Math.floor(runs / 20)) === 0) samples.push(await take(arena, turn + 1))
  }
  const { readerUrl: source, targetUrl: target } = arena
  await syncConversations({ source, target, loadType: 'full', keepHistory })
  const truth = await contents(arena.source, conversations, conversations.relation)
  const found = await contents(arena.target, conversations, 'conversas_analytics where deleted_at is null')
  const lost = keysLost(truth, found).length + keysLost(found, truth).length
  const differ = lost > 0 ? [`${lost} conversations differ`] : []
  return { runs, outcomes, samples, lost, faults: [...growthOf(samples, outcomes), ...differ] }
}

/** Failures that the faults account for. */
const expected = /^(ABORTED|(SOURCE|TARGET)_UNREACHABLE|LOCK_LOST)$/

export async function runOnce(arena: Arena, dice: Dice): Promise<string> {
  const fault = dice.pick<'none' | Fault>([
    'none',
    'none',
    'none',
    'none',
    'none',
    'none',
    'none',
    'abort',
    'source',
    'target',
  ])
  const stop = new AbortController()
  const delay = dice.between(0, 40)
  const kind = dice.chance(0.03) ? 'full' : dice.chance(0.03) ? 'verify' : 'incremental'
  const disturbing = fault === 'none' ? undefined : wait(delay).then(() => disturb(arena, fault, stop))
  const options = { source: arena.readerUrl, target: arena.targetUrl, signal: stop.signal }
  try {
    if (kind === 'verify') await verifyConversations({ ...options, repair: true })
    else await syncConversations({ ...options, loadType: kind, keepHistory, maxSnapshotSeconds: 0.2 })
    return kind
  } catch (error) {
    return error instanceof SyncError ? error.code : String(error)
  } finally {
    await disturbing
  }
}

type Fault = 'abort' | 'source' | 'target'

async function disturb(arena: Arena, fault: Fault, stop: AbortController) {
  if (fault === 'abort') {
    stop.abort()
    return
  }
  await arena[fault].query(
    `select pg_terminate_backend(pid)
     from pg_stat_activity
     where datname = current_database() and application_name like 'chatwoot-sync%'`,
  )
}

/** What both hold now. */
export async function take({ source, target }: Arena, runs: number): Promise<Sample> {
  const count = async (pool: Arena['source'], text: string) =>
    Number((await pool.query<{ count: string }>(text)).rows[0]?.count ?? 0)
  const sessions = `select count(*) from pg_stat_activity where datname = current_database() and application_name like 'chatwoot-sync%'`
  const files = 'select temp_files as count from pg_stat_database where datname = current_database()'
  // A server ends a session a moment after its client has.
  let connections = 1
  for (let look = 0; connections > 0 && look < 100; look += 1) {
    if (look > 0) await wait(20)
    connections = (await count(source, sessions)) + (await count(target, sessions))
  }
  collectGarbage()
  const { heapUsed, rss } = process.memoryUsage()
  return {
    runs,
    heapBytes: heapUsed,
    residentBytes: rss,
    handles: process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0,
    connections,
    tables: await count(target, `select count(*) from pg_class where relpersistence = 't'`),
    files: (await count(source, files)) + (await count(target, files)),
    rowsOfControl: await count(target, 'select count(*) from etl_control'),
  }
}

/** The first quarter warms up; from then on nothing may grow but by what a heap moves to and fro. */
export function growthOf(samples: readonly Sample[], outcomes: Week['outcomes']): string[] {
  const warm = samples.slice(Math.floor(samples.length / 4))
  const [first, last] = [warm.at(0), warm.at(-1)]
  if (!first || !last) return ['There is no sample.']
  const grown = (name: keyof Sample, allowed: number) =>
    last[name] > first[name] + allowed ? [`${name} grew from ${first[name]} to ${last[name]}`] : []
  const strange = Object.keys(outcomes).filter(
    (name) => !['incremental', 'full', 'verify'].includes(name) && !expected.test(name),
  )
  return [
    ...grown('heapBytes', 8 * 2 ** 20),
    ...grown('residentBytes', 64 * 2 ** 20),
    ...grown('handles', 3),
    ...grown('files', 0),
    ...warm.flatMap(({ runs, connections, tables }) =>
      connections + tables > 0 ? [`${connections} connections and ${tables} tables after ${runs} runs`] : [],
    ),
    ...strange.map((name) => `${outcomes[name] ?? 0} runs ended with ${name}`),
  ]
}

export function describeWeek({ runs, outcomes, samples, lost, faults }: Week): string[] {
  const megabytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1).padStart(9)
  const lines = samples.map((sample) =>
    [
      String(sample.runs).padStart(7),
      megabytes(sample.heapBytes),
      megabytes(sample.residentBytes),
      ...[sample.handles, sample.connections, sample.tables, sample.files, sample.rowsOfControl].map(
        (value) => String(value).padStart(8),
      ),
    ].join(' '),
  )
  const ended = Object.entries(outcomes).map(([name, count]) => `${name} ${count}`)
  return [
    '   runs  heap MiB   RSS MiB  handles sessions   tables    files  control',
    ...lines,
    `${runs} runs: ${ended.join(', ')}; ${lost} conversations differ, ${faults.length} faults`,
    ...faults,
  ]
}
