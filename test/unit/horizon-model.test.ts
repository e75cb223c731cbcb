import fc from 'fast-check'
import { expect, it } from 'vitest'

import { share } from '../setup/share.js'
import {
  lowerBound,
  nextState,
  nothingWritten,
  observe,
  type HorizonState,
  type LowerBound,
  type Probe,
  type Snapshot,
} from '../../lib/domain/horizon.js'

/** What the applications do in one of the server's databases; numbers choose among what is there. */
type Step = { readonly isElsewhere: boolean } & (
  | { readonly does: 'begin' | 'savepoint' | 'commit' | 'abort' | 'wait'; readonly which: number }
  | { readonly does: 'write'; readonly which: number; readonly row: number; readonly age: number }
)

/** What happens between the parts of a look: time, next id, virtual ids, ids, snapshot. */
interface Look {
  readonly does: 'look'
  readonly between: readonly (readonly Step[])[]
  /** A run that fails leaves neither rows nor state. */
  readonly fails: boolean
  /** What the look shows of transactions besides those that are surely of its database. */
  readonly sees: 'nothing more' | 'all as its own' | 'no ids'
  /** Whether the run leaves a state as earlier versions did, which counted the ids of all databases. */
  readonly isEarlierVersion: boolean
}

type Event = Step | Look | { readonly does: 'restart' }

interface Version {
  readonly stamp: number
  readonly value: number
}

interface Transaction {
  readonly isElsewhere: boolean
  readonly vxid: string
  readonly began: number
  xid: bigint | undefined
  /** The last id that it has taken, for a subtransaction perhaps. */
  last: bigint
  readonly writes: Map<number, Version>
}

/** A server of two databases, small enough to be right by looking at it; the rows are those of the one that is read. */
function openModel() {
  const rows = new Map<number, Version>()
  let open: Transaction[] = []
  let clock = 1000
  let started = 0
  let transactions = 0
  let values = 0
  let next = 2n ** 33n
  let completed = next - 1n

  function choose({ isElsewhere, which }: Step): Transaction | undefined {
    const all = open.filter((each) => each.isElsewhere === isElsewhere)
    return all[which % Math.max(all.length, 1)]
  }

  function end(ended: Transaction | undefined, isCommitted: boolean): void {
    if (!ended) return
    open = open.filter((each) => each !== ended)
    if (isCommitted && !ended.isElsewhere) for (const [row, version] of ended.writes) rows.set(row, version)
    if (ended.last > completed) completed = ended.last
  }

  function write(writer: Transaction | undefined, row: number, age: number): void {
    if (!writer || isHeld(row, writer)) return
    if (writer.xid === undefined) writer.last = writer.xid = next++
    writer.writes.set(row, { stamp: Math.max(writer.began, clock - age), value: ++values })
  }

  function isHeld(row: number, by: Transaction): boolean {
    return open.some((other) => other !== by && other.isElsewhere === by.isElsewhere && other.writes.has(row))
  }

  function step(step: Step): void {
    const { isElsewhere, does } = step
    if (does === 'wait') clock += step.which
    if (does === 'begin') {
      const vxid = `${isElsewhere ? 4 : 3}/${++transactions}`
      open.push({ isElsewhere, vxid, began: clock, xid: undefined, last: 0n, writes: new Map() })
    }
    const chosen = choose(step)
    if (does === 'commit') end(chosen, true)
    if (does === 'abort') end(chosen, false)
    if (does === 'savepoint' && chosen?.xid !== undefined) chosen.last = next++
    if (does === 'write') write(chosen, step.row, step.age)
  }

  return {
    rows,
    step,
    clock: () => clock,
    next: () => next,
    started: () => started,
    open: () => open,
    snapshot: (): Snapshot => {
      const xmax = completed + 1n
      const inProgress = open.flatMap(({ xid }) => (xid !== undefined && xid < xmax ? [xid] : []))
      const xmin = inProgress.reduce((least, xid) => (xid < least ? xid : least), xmax)
      return { xmin, xmax, inProgress, next }
    },
    /** Virtual ids begin anew, and name other transactions then. */
    restart: () => {
      for (const each of open) end(each, false)
      transactions = 0
      started = Math.max(clock, started + 1)
    },
    finish: () => {
      for (const each of open) end(each, true)
    },
  }
}

type Model = ReturnType<typeof openModel>

interface Run {
  readonly bound: LowerBound | undefined
  readonly isIdle: boolean
  readonly state: HorizonState | undefined
}

/** A run as the sync does it, over the model; its state is the earlier one where it fails. */
function run(model: Model, target: Map<number, Version>, last: HorizonState | undefined, look: Look): Run {
  const { probe, snapshot } = lookAt(model, look)
  const trace = observe(last, probe)
  const bound = last && lowerBound(last, trace, probe, snapshot, 0)
  const isIdle = last !== undefined && nothingWritten(last, trace, probe, snapshot)
  if (look.fails) return { bound, isIdle, state: last }
  const low = bound && 'low' in bound ? bound.low : -Infinity
  if (!isIdle) for (const [row, version] of model.rows) if (version.stamp >= low) target.set(row, version)
  const state = nextState(trace, probe, snapshot)
  return { bound, isIdle, state: state && look.isEarlierVersion ? { ...state, snapshot } : state }
}

function lookAt(model: Model, { between, sees }: Look): { probe: Probe; snapshot: Snapshot } {
  const pass = (gap: number) => between[gap]?.forEach((each) => model.step(each))
  const shown = () => model.open().filter(({ isElsewhere }) => sees === 'all as its own' || !isElsewhere)
  const at = model.clock()
  pass(0)
  const next = model.next()
  pass(1)
  const open = shown().map(({ vxid }) => vxid)
  pass(2)
  const ids = shown().flatMap(({ xid }) => (xid === undefined ? [] : [xid]))
  const writing = sees === 'no ids' ? [] : ids
  pass(3)
  const identity = { system: 's', timeline: '1', database: 'd' }
  const seen = { at, next, open, writing, startedAt: model.started() }
  return { probe: { ...seen, prepared: false, mode: 'primary', identity }, snapshot: model.snapshot() }
}

/** All runs of a history, and a last one after every transaction has ended. */
function live(events: readonly Event[]) {
  const model = openModel()
  const target = new Map<number, Version>()
  const runs: Run[] = []
  for (const event of events) {
    if (event.does === 'look') runs.push(run(model, target, runs.at(-1)?.state, event))
    else if (event.does === 'restart') model.restart()
    else model.step(event)
  }
  model.finish()
  run(model, target, runs.at(-1)?.state, calm)
  return { rows: model.rows, target, runs }
}

const number = fc.nat({ max: 7 })
const isElsewhere = fc.boolean()
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ isElsewhere, does: fc.constant('begin' as const), which: number }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      isElsewhere,
      does: fc.constantFrom('commit' as const, 'wait' as const),
      which: number,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      isElsewhere,
      does: fc.constantFrom('abort' as const, 'savepoint' as const),
      which: number,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      isElsewhere,
      does: fc.constant('write' as const),
      which: number,
      row: number,
      age: number,
    }),
  },
)
const lookOf = (given: {
  readonly sees: fc.Arbitrary<Look['sees']>
  readonly isEarlierVersion: fc.Arbitrary<boolean>
}) =>
  fc.record({
    does: fc.constant('look' as const),
    between: fc.array(fc.array(step, { maxLength: 3 }), { minLength: 4, maxLength: 4 }),
    fails: fc.boolean(),
    ...given,
  })
const historyOf = (look: fc.Arbitrary<Look>): fc.Arbitrary<Event[]> =>
  fc.array(
    fc.oneof(
      { weight: 6, arbitrary: step },
      { weight: 3, arbitrary: look },
      { weight: 1, arbitrary: fc.record({ does: fc.constant('restart' as const) }) },
    ),
    { minLength: 5, maxLength: 80 },
  )
const clearLook = lookOf({ sees: fc.constant('nothing more'), isEarlierVersion: fc.constant(false) })
const anyLook = lookOf({
  sees: fc.constantFrom('nothing more', 'all as its own', 'no ids'),
  isEarlierVersion: fc.boolean(),
})
const calm: Look = { does: 'look', between: [], fails: false, sees: 'nothing more', isEarlierVersion: false }

it('loses no version of a row, whatever is open in any database when a run looks', () => {
  const lossless = fc.property(historyOf(clearLook), (events) => {
    const { target, rows } = live(events)
    expect(target).toEqual(rows)
  })
  fc.assert(lossless, { seed: 2026, numRuns: share(1000, 10_000) })
})

it('loses no version of a row where a look cannot place transactions, nor from a state of an earlier version', () => {
  const lossless = fc.property(historyOf(anyLook), (events) => {
    const { target, rows } = live(events)
    expect(target).toEqual(rows)
  })
  fc.assert(lossless, { seed: 2026, numRuns: share(1000, 10_000) })
})

it('reads from where it would read if the server had no other database, and only ever skips what it would skip then', () => {
  const same = fc.property(historyOf(clearLook), (events) => {
    const beside = live(events).runs
    const alone = live(withoutOthers(events)).runs
    expect(beside.map(({ bound }) => bound)).toEqual(alone.map(({ bound }) => bound))
    expect(beside.filter(({ isIdle }, place) => isIdle && !alone[place]?.isIdle)).toEqual([])
  })
  fc.assert(same, { seed: 2026, numRuns: share(1000, 10_000) })
})

/** Time passes all the same. */
function withoutOthers(events: readonly Event[]): Event[] {
  const isHere = (step: Step) => !step.isElsewhere || step.does === 'wait'
  return events.flatMap((event): Event[] => {
    if (event.does === 'restart') return [event]
    if (event.does !== 'look') return isHere(event) ? [event] : []
    return [{ ...event, between: event.between.map((gap) => gap.filter(isHere)) }]
  })
}

it('would lose versions if it read from the last watermark on', () => {
  const naive = fc.property(historyOf(clearLook), (events) => {
    const model = openModel()
    const target = new Map<number, Version>()
    let watermark = -Infinity
    for (const event of events) {
      if (event.does === 'look') {
        for (const [row, version] of model.rows) if (version.stamp >= watermark) target.set(row, version)
        watermark = model.clock()
      } else if (event.does !== 'restart') model.step(event)
    }
    model.finish()
    for (const [row, version] of model.rows) if (version.stamp >= watermark) target.set(row, version)
    expect(target).toEqual(model.rows)
  })
  expect(() => fc.assert(naive, { numRuns: 3000 })).toThrow('Property failed')
})
