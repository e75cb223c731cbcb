import fc from 'fast-check'
import { expect, it } from 'vitest'

import {
  lowerBound,
  nextState,
  nothingWritten,
  observe,
  type HorizonState,
  type LowerBound,
} from '../../lib/domain/horizon.js'
import {
  calm,
  historyOf,
  lookAt,
  lookOf,
  openModel,
  type Event,
  type Look,
  type Model,
  type Step,
  type Version,
} from '../fixtures/transaction-model.js'
import { share } from '../setup/share.js'

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

const clearLook = lookOf({ sees: fc.constant('nothing more'), isEarlierVersion: fc.constant(false) })
const anyLook = lookOf({
  sees: fc.constantFrom('nothing more', 'all as its own', 'no ids'),
  isEarlierVersion: fc.boolean(),
})
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
