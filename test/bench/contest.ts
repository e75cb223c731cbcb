import type { SyncReport } from '../../lib/index.js'
import { requireEqual, type Ends, type Pair } from './database.js'
import { openProxy } from './proxy.js'

/** What one run took. */
export interface Spent {
  readonly milliseconds: number
  /** CPU of the process that did it, without the servers'. */
  readonly cpuMilliseconds: number
  readonly report?: SyncReport
}

/** One way to do a task. */
export interface Strategy {
  readonly name: string
  /** Rows of one run, for the cost of a row. */
  readonly rows: number
  readonly pair: Pair
  /** Brings everything to where the task begins; not timed. */
  prepare(): Promise<unknown>
  run(ends: Ends): Promise<Spent>
  /** Throws when the task was not done. */
  check(spent: Spent): Promise<void>
}

/** What a strategy costs: medians of the timed runs; what went over the wire is of one run that was not timed. */
export interface Cost {
  readonly name: string
  readonly rows: number
  readonly milliseconds: number
  readonly samples: readonly number[]
  readonly cpuMilliseconds: number
  /** Of the target. */
  readonly walBytes: number
  readonly sourceBytes: number
  readonly sourceTrips: number
  readonly targetTrips: number
}

export type Costs<Name extends string> = Readonly<Record<Name, Cost>>

/**
 * Lets the strategies take turns, each round in the other order, so that a machine that gets slower or faster does so for all. One round
 * before goes through counting proxies, and warms up. Throws when a target is not what the task asks for.
 */
export async function compete<Name extends string>(
  strategies: Readonly<Record<Name, Strategy>>,
  repeat: number,
  log: (line: string) => void,
): Promise<Costs<Name>> {
  const names = Object.keys(strategies) as Name[]
  const wires = new Map<Name, Wire>()
  const samples = new Map<Name, Sample[]>(names.map((name) => [name, []]))
  for (const name of names) wires.set(name, await meter(strategies[name]))
  for (let round = 1; round <= repeat; round += 1) {
    for (const name of round % 2 === 0 ? [...names].reverse() : names) {
      const sample = await time(strategies[name])
      samples.get(name)?.push(sample)
      log(`  ${round}/${repeat} ${strategies[name].name}: ${sample.milliseconds.toFixed(0)} ms`)
    }
  }
  const costs = names.map((name) => [name, costOf(strategies[name], wires.get(name), samples.get(name))])
  return Object.fromEntries(costs)
}

interface Sample extends Spent {
  readonly walBytes: number
}

async function time(strategy: Strategy): Promise<Sample> {
  const { source, target } = strategy.pair
  await strategy.prepare()
  // What was prepared is written to disk now, and not while the time runs.
  await Promise.all([source.query('checkpoint'), target.query('checkpoint')])
  const before = await walPosition(strategy.pair)
  const spent = await strategy.run({ source: source.url, target: target.url })
  const walBytes = (await walPosition(strategy.pair)) - before
  await strategy.check(spent)
  return { ...spent, walBytes }
}

async function walPosition({ target }: Pair): Promise<number> {
  const [row] = await target.query<{ bytes: string }>(
    `select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::text as bytes`,
  )
  return Number(row?.bytes)
}

type Wire = Pick<Cost, 'sourceBytes' | 'sourceTrips' | 'targetTrips'>

async function meter(strategy: Strategy): Promise<Wire> {
  await strategy.prepare()
  await using source = await openProxy(strategy.pair.source.url)
  await using target = await openProxy(strategy.pair.target.url)
  await strategy.check(await strategy.run({ source: source.url, target: target.url }))
  return { sourceBytes: source.received(), sourceTrips: source.trips(), targetTrips: target.trips() }
}

function costOf({ name, rows }: Strategy, wire: Wire | undefined, samples: readonly Sample[] = []): Cost {
  if (!wire || samples.length === 0) throw new Error(`${name} was not run.`)
  const medianOf = (field: 'milliseconds' | 'cpuMilliseconds' | 'walBytes') =>
    median(samples.map((sample) => sample[field]))
  return {
    name,
    rows,
    milliseconds: medianOf('milliseconds'),
    samples: samples.map(({ milliseconds }) => Math.round(milliseconds * 10) / 10),
    cpuMilliseconds: medianOf('cpuMilliseconds'),
    walBytes: medianOf('walBytes'),
    ...wire,
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? NaN
  return sorted.length % 2 === 0 ? ((sorted[middle - 1] ?? NaN) + upper) / 2 : upper
}

/** What the work took of this process. */
export async function spentOn(work: () => Promise<unknown>): Promise<Spent> {
  const cpu = process.cpuUsage()
  const began = performance.now()
  await work()
  const milliseconds = performance.now() - began
  const { user, system } = process.cpuUsage(cpu)
  return { milliseconds, cpuMilliseconds: (user + system) / 1000 }
}

type Counts = Pick<SyncReport, 'rowsExtracted' | 'rowsInserted' | 'rowsUpdated'>

/** Throws unless the run says that it did this much. */
export function requireCounts(what: string, { report }: Spent, expected: Partial<Counts>): void {
  for (const [name, count] of Object.entries(expected)) {
    const found: unknown = report && Reflect.get(report, name)
    requireEqual(`${what} (${name} is ${String(found)}, not ${count})`, String(found), String(count))
  }
}
