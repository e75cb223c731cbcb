import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'

import { SyncError, syncConversations, type DatabaseHandle, type SyncOptions } from '../../lib/index.js'
import { leaveFew, openArena, type Arena, type Servers } from './arena.js'
import { rollDice, type Dice } from './dice.js'
import { faultKinds, openFaultProxy, type Fault } from './fault-proxy.js'
import { changeSource, recover } from './killing.js'
import { conversations } from './subject.js'

const runKinds = ['first load', 'incremental', 'full'] as const
const sides = ['source', 'target'] as const
const handles = ['url', 'pool', 'Kysely'] as const

/** Long enough for a busy machine; each break is waited for that long. */
const timeouts = { connectTimeout: 2500, statementTimeout: 5000 }

interface Turn {
  readonly dice: Dice
  /** Counts the rounds of a lane. */
  readonly turn: number
  /** Counts the rounds of all lanes. */
  readonly round: number
}

export interface FaultRound {
  readonly run: (typeof runKinds)[number]
  readonly side: (typeof sides)[number]
  readonly fault: Fault
  readonly handle: (typeof handles)[number]
  /** Whether the run came as far as the fault. */
  readonly struck: boolean
  /** `success`, or the code of the failure. */
  readonly ended: string
  readonly retries: number
  readonly milliseconds: number
  /** What is wrong; empty as it should be. */
  readonly violations: readonly string[]
}

/** Every kind of fault on either side; ten rounds in a row play each once. */
const faultsOfSides = faultKinds.flatMap((kind) => sides.map((side) => ({ kind, side })))

/** One run through a wire that breaks, the next one without, and what is left. */
async function breakOnce(arena: Arena, { dice, turn, round }: Turn): Promise<FaultRound> {
  const run = runKinds[turn % runKinds.length] ?? 'full'
  const { kind, side } = faultsOfSides[round % faultsOfSides.length] ?? { kind: 'cut', side: 'source' }
  const handle = dice.pick(handles)
  const fault = rollFault(dice, kind, side)
  if (run === 'first load') await arena.target.query('truncate conversas_analytics, etl_control')
  await changeSource(arena, turn)
  const loadType = run === 'full' ? 'full' : 'incremental'
  let retries = 0
  const began = performance.now()
  const proxies = {
    source: await openFaultProxy(arena.readerUrl, side === 'source' ? fault : undefined),
    target: await openFaultProxy(arena.targetUrl, side === 'target' ? fault : undefined),
  }
  const open = {
    source: openHandle(handle, proxies.source.url),
    target: openHandle(handle, proxies.target.url),
  }
  const ended = await outcomeOf({
    source: open.source.handle,
    target: open.target.handle,
    loadType,
    batchSize: 40,
    ...timeouts,
    // What heals is to be survived, however slow the machine; what stays is to be given up soon.
    retryBudget: fault.lasts === Infinity ? 300 : 30_000,
    onRetry: () => (retries += 1),
  })
  const milliseconds = Math.round(performance.now() - began)
  const struck = proxies[side].struck()
  await Promise.all([proxies.source, proxies.target].map((proxy) => proxy[Symbol.asyncDispose]()))
  await Promise.all([open.source.close(), open.target.close()])
  const violations = [
    ...violationsOfEnd(ended, side, fault, struck),
    ...(await violationsOfNext(arena, loadType)),
  ]
  return { run, side, fault, handle, struck, ended, retries, milliseconds, violations }
}

function rollFault(dice: Dice, kind: Fault['kind'], side: (typeof sides)[number]): Fault {
  // The source sends the rows, the target gets them; connecting takes about 600 bytes.
  const after = dice.between(0, dice.chance(0.3) ? 3000 : side === 'source' ? 70_000 : 50_000)
  const stays = kind === 'blackhole' || kind === 'refuse' ? dice.chance(0.4) : false
  return { kind, after, lasts: stays ? Infinity : dice.between(0, 400) }
}

async function outcomeOf(options: SyncOptions): Promise<string> {
  try {
    return (await syncConversations(options)).status
  } catch (error) {
    if (!(error instanceof SyncError)) return String(error)
    const { code, cause } = error
    return code === 'INTERNAL' ? `${code}: ${cause instanceof Error ? cause.stack : String(cause)}` : code
  }
}

/** A fault that heals is survived; one that stays ends as its side out of reach, unless the run was done by then. */
function violationsOfEnd(ended: string, side: 'source' | 'target', fault: Fault, struck: boolean): string[] {
  const unreachable = `${side.toUpperCase()}_UNREACHABLE`
  const may = struck && fault.lasts === Infinity ? [unreachable, 'success'] : ['success']
  return may.includes(ended) ? [] : [`it ended as ${ended}`]
}

async function violationsOfNext(arena: Arena, loadType: 'full' | 'incremental'): Promise<string[]> {
  const { next, lost, running, insertedTooMany, states } = await recover(arena, loadType)
  return [
    ...lost.map((key) => `conversation ${key} differs`),
    ...(running === 0 ? [] : [`${running} rows are running`]),
    ...(insertedTooMany === 0 ? [] : [`${insertedTooMany} inserted rows too many were counted`]),
    ...(states === 1 ? [] : [`${states} states`]),
    ...(next.status === 'success' ? [] : [`the next run ended as ${next.status}`]),
  ]
}

function openHandle(
  kind: (typeof handles)[number],
  url: string,
): { handle: DatabaseHandle; close: () => Promise<void> } {
  if (kind === 'url') return { handle: url, close: async () => undefined }
  const pool = new pg.Pool({
    connectionString: url,
    // By this name the next run waits until the server has noticed that the connection is gone.
    application_name: 'chatwoot-sync',
    max: 2,
    connectionTimeoutMillis: timeouts.connectTimeout,
  })
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  const handle =
    kind === 'pool' ? pool : new Kysely<Record<string, never>>({ dialect: new PostgresDialect({ pool }) })
  return { handle, close: () => pool.end() }
}

/** Rounds in lanes, each with databases of its own, as a broken wire is mostly waited for. */
export async function breakRoundAfterRound(
  servers: Servers,
  { seed, rounds, lanes }: { seed: number; rounds: number; lanes: number },
): Promise<FaultRound[]> {
  const results: FaultRound[] = []
  let begun = 0
  const lane = async () => {
    await using arena = await openArena(servers, conversations)
    await leaveFew(arena, 80)
    for (let turn = 0; begun < rounds; turn++) {
      begun += 1
      results.push(await breakOnce(arena, { dice: rollDice(seed, begun), turn, round: begun }))
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return results
}

/** How often runs ended in which way, and every violation. */
export function describeFaultRounds(rounds: readonly FaultRound[]): string[] {
  const counts = new Map<string, number>()
  for (const { side, fault, struck, ended } of rounds) {
    const name = struck
      ? `${side} ${fault.kind} ${fault.lasts === Infinity ? 'for good' : 'for a while'}: ${ended}`
      : `not reached: ${ended}`
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  const lines = [...counts].sort().map(([name, count]) => `${String(count).padStart(5)}  ${name}`)
  const violations = rounds.flatMap((round) =>
    round.violations.map((text) => `${JSON.stringify({ ...round, violations: undefined })}: ${text}`),
  )
  const longest = Math.max(...rounds.map(({ milliseconds }) => milliseconds))
  const retries = rounds.reduce((sum, round) => sum + round.retries, 0)
  return [
    ...lines,
    `${rounds.length} moments, ${retries} retries, ${longest} ms the longest, ${violations.length} violations`,
    ...violations,
  ]
}
