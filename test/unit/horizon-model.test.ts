import fc from 'fast-check'
import { expect, it } from 'vitest'

import {
  lowerBound,
  nextState,
  nothingWritten,
  observe,
  type HorizonState,
  type Probe,
  type Snapshot,
} from '../../lib/domain/horizon.js'

/** What the applications do; numbers choose among what is there. */
type Step =
  | { readonly does: 'begin' | 'commit' | 'abort' | 'wait'; readonly which: number }
  | { readonly does: 'write'; readonly which: number; readonly row: number; readonly age: number }

/** What happens between the parts of a look: time, virtual ids, next id, snapshot. */
interface Look {
  readonly does: 'look'
  readonly between: readonly (readonly Step[])[]
  /** A run that fails leaves neither rows nor state. */
  readonly fails: boolean
}

interface Version {
  readonly stamp: number
  readonly value: number
}

interface Transaction {
  readonly vxid: string
  readonly began: number
  xid: bigint | undefined
  readonly writes: Map<number, Version>
}

/** A database, small enough to be right by looking at it. */
function openModel() {
  const rows = new Map<number, Version>()
  let open: Transaction[] = []
  let clock = 1000
  let started = 0
  let transactions = 0
  let values = 0
  let next = 2n ** 33n
  let completed = next - 1n

  function end(which: number, isCommitted: boolean): void {
    const [ended] = open.splice(which % Math.max(open.length, 1), 1)
    if (!ended) return
    if (isCommitted) for (const [row, version] of ended.writes) rows.set(row, version)
    if (ended.xid !== undefined && ended.xid > completed) completed = ended.xid
  }

  function write(which: number, row: number, age: number): void {
    const writer = open[which % Math.max(open.length, 1)]
    if (!writer || open.some((other) => other !== writer && other.writes.has(row))) return
    writer.xid ??= next++
    writer.writes.set(row, { stamp: Math.max(writer.began, clock - age), value: ++values })
  }

  function step(step: Step): void {
    if (step.does === 'begin')
      open.push({ vxid: `3/${++transactions}`, began: clock, xid: undefined, writes: new Map() })
    if (step.does === 'commit') end(step.which, true)
    if (step.does === 'abort') end(step.which, false)
    if (step.does === 'wait') clock += step.which
    if (step.does === 'write') write(step.which, step.row, step.age)
  }

  return {
    rows,
    step,
    clock: () => clock,
    next: () => next,
    started: () => started,
    open: () => open.map(({ vxid }) => vxid),
    snapshot: (): Snapshot => {
      const xmax = completed + 1n
      const inProgress = open.flatMap(({ xid }) => (xid !== undefined && xid < xmax ? [xid] : []))
      const xmin = inProgress.reduce((least, xid) => (xid < least ? xid : least), xmax)
      return { xmin, xmax, inProgress, next }
    },
    /** Virtual ids begin anew, and name other transactions then. */
    restart: () => {
      while (open.length > 0) end(0, false)
      open = []
      transactions = 0
      started = clock
    },
    finish: () => {
      while (open.length > 0) end(0, true)
    },
  }
}

type Model = ReturnType<typeof openModel>

/** A run as the sync does it, over the model. Gives the new state, or the old one where it fails. */
function run(
  model: Model,
  target: Map<number, Version>,
  last: HorizonState | undefined,
  { between, fails }: Look,
) {
  const pass = (gap: number) => between[gap]?.forEach((each) => model.step(each))
  const at = model.clock()
  pass(0)
  const open = model.open()
  pass(1)
  const identity = { system: 's', timeline: '1', database: 'd' }
  const seen = { at, open, next: model.next(), startedAt: model.started() }
  const probe: Probe = { ...seen, prepared: false, mode: 'primary', identity }
  pass(2)
  const snapshot = model.snapshot()
  const trace = observe(last, probe)
  const bound = last && lowerBound(last, trace, probe, snapshot, 0)
  if (fails) return last
  const low = bound && 'low' in bound ? bound.low : -Infinity
  const isIdle = last !== undefined && nothingWritten(last, trace, probe, snapshot)
  if (!isIdle) for (const [row, version] of model.rows) if (version.stamp >= low) target.set(row, version)
  return nextState(trace, probe, snapshot)
}

const number = fc.nat({ max: 7 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ does: fc.constant('begin' as const), which: number }) },
  {
    weight: 2,
    arbitrary: fc.record({ does: fc.constantFrom('commit' as const, 'wait' as const), which: number }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('abort' as const), which: number }) },
  {
    weight: 4,
    arbitrary: fc.record({ does: fc.constant('write' as const), which: number, row: number, age: number }),
  },
)
const look: fc.Arbitrary<Look> = fc.record({
  does: fc.constant('look' as const),
  between: fc.array(fc.array(step, { maxLength: 3 }), { minLength: 3, maxLength: 3 }),
  fails: fc.boolean(),
})
const restart = fc.record({ does: fc.constant('restart' as const) })
const history = fc.array(
  fc.oneof({ weight: 6, arbitrary: step }, { weight: 3, arbitrary: look }, { weight: 1, arbitrary: restart }),
  { minLength: 5, maxLength: 80 },
)
const calm: Look = { does: 'look', between: [], fails: false }

it('loses no version of a row, whatever is open when a run looks', () => {
  fc.assert(
    fc.property(history, (steps) => {
      const model = openModel()
      const target = new Map<number, Version>()
      let state: HorizonState | undefined
      for (const each of steps) {
        if (each.does === 'look') state = run(model, target, state, each)
        else if (each.does === 'restart') model.restart()
        else model.step(each)
      }
      model.finish()
      run(model, target, state, calm)
      expect(target).toEqual(model.rows)
    }),
    { numRuns: 10_000 },
  )
})

it('would lose versions if it read from the last watermark on', () => {
  const naive = fc.property(history, (steps) => {
    const model = openModel()
    const target = new Map<number, Version>()
    let watermark = -Infinity
    for (const each of steps) {
      if (each.does === 'look') {
        for (const [row, version] of model.rows) if (version.stamp >= watermark) target.set(row, version)
        watermark = model.clock()
      } else if (each.does !== 'restart') model.step(each)
    }
    model.finish()
    for (const [row, version] of model.rows) if (version.stamp >= watermark) target.set(row, version)
    expect(target).toEqual(model.rows)
  })
  expect(() => fc.assert(naive, { numRuns: 3000 })).toThrow('Property failed')
})
