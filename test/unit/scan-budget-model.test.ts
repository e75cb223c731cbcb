import fc from 'fast-check'
import { expect, it } from 'vitest'

import {
  lowerBound,
  nextState,
  nothingWritten,
  observe,
  type HorizonState,
} from '../../lib/domain/horizon.js'
import {
  completeThrough,
  planScans,
  statesAfter,
  statesWhenIdle,
  type FeedStates,
} from '../../lib/domain/scan-budget.js'
import {
  calm,
  historyOf,
  lookAt,
  lookOf,
  openModel,
  type Event,
  type Look,
  type Model,
  type Version,
} from '../fixtures/transaction-model.js'
import { share } from '../setup/share.js'

/** Only a complete run scans. */
const rarely = { scanShare: 0, scanEvery: Infinity }

/** A scan in every fourth look or so. */
const scans = (look: Look) => (look.between[0]?.length ?? 0) % 4 === 1

interface State {
  readonly horizon: HorizonState
  readonly feeds: FeedStates | undefined
}

interface Run {
  readonly state: State | undefined
  /** Through when the target is said to have everything; undefined for a run that fails. */
  readonly watermark: number | undefined
  readonly target: ReadonlyMap<number, Version>
}

/** Rows of even numbers show in a feed that every run reads, the others in one that is scanned. */
const paths = [{ feed: 'odd', isIndexed: false, pages: 10_000 }]

type BoundOf = (states: FeedStates | undefined, bound: number, low: number) => number

function run(
  model: Model,
  before: ReadonlyMap<number, Version>,
  last: State | undefined,
  event: Event,
  boundOf: BoundOf,
) {
  const look = event.does === 'look' ? event : calm
  const { probe, snapshot } = lookAt(model, look)
  const trace = observe(last?.horizon, probe)
  const bound = last && lowerBound(last.horizon, trace, probe, snapshot, 0)
  const horizon = nextState(trace, probe, snapshot)
  if (look.fails || !horizon) return { state: last, watermark: undefined, target: before }
  const target = new Map(before)
  const { at } = horizon
  const low = bound && 'low' in bound ? bound.low : undefined
  const read = (isShown: (row: number) => boolean, since: number) => {
    for (const [row, version] of model.rows)
      if (isShown(row) && version.stamp >= since) target.set(row, version)
  }
  const isComplete = look === calm || scans(look)
  if (low === undefined) {
    read(() => true, -Infinity)
    const all = { read: new Set(['odd']), took: new Map<string, number>() }
    const feeds = statesAfter(undefined, { at, low: at, paths }, all)
    return { state: { horizon, feeds }, watermark: completeThrough(feeds, at), target }
  }
  const bounds = planScans(last?.feeds, { at, low, paths, isComplete }, rarely)
  const isDue = [...bounds.keys()].some((feed) => last?.feeds?.[feed]?.since !== null)
  const isIdle = last !== undefined && nothingWritten(last.horizon, trace, probe, snapshot) && !isDue
  if (!isIdle) read((row) => row % 2 === 0, low)
  for (const since of isIdle ? [] : bounds.values())
    read((row) => row % 2 === 1, boundOf(last?.feeds, since, low))
  const outcome = { read: new Set(bounds.keys()), took: new Map([['odd', 100]]) }
  const feeds = isIdle
    ? statesWhenIdle(last.feeds, at)
    : statesAfter(last?.feeds, { at, low, paths }, outcome)
  return { state: { horizon, feeds }, watermark: completeThrough(feeds, at), target }
}

/** All runs of a history, and a complete one after every transaction has ended; `claims` are those that did not hold. */
function live(events: readonly Event[], boundOf: BoundOf = (_, bound) => bound) {
  const model = openModel()
  const committed: { readonly at: number; readonly row: number; readonly value: number }[] = []
  const note = () => {
    for (const [row, { value }] of model.rows) {
      if (committed.every((each) => each.row !== row || each.value !== value))
        committed.push({ at: model.clock(), row, value })
    }
  }
  const claims: string[] = []
  let made: Run = { state: undefined, watermark: undefined, target: new Map() }
  for (const event of events) {
    if (event.does === 'look') {
      made = run(model, made.target, made.state, event, boundOf)
      const { watermark = -Infinity, target } = made
      for (const { at, row, value } of committed) {
        if (at < watermark && (target.get(row)?.value ?? 0) < value)
          claims.push(`${row} of ${at} in ${watermark}`)
      }
    } else if (event.does === 'restart') model.restart()
    else model.step(event)
    note()
  }
  model.finish()
  const { target } = run(model, made.target, made.state, calm, boundOf)
  return { rows: model.rows, target, claims }
}

const look = lookOf({ sees: fc.constant('nothing more'), isEarlierVersion: fc.constant(false) })

it('loses no version of a row that runs have left to a scan, and claims none that it has not', () => {
  const lossless = fc.property(historyOf(look), (events) => {
    const { target, rows, claims } = live(events)
    expect(claims).toEqual([])
    expect(target).toEqual(rows)
  })
  fc.assert(lossless, { seed: 2026, numRuns: share(2000, 20_000) })
})

it('would lose versions if a scan read from the low watermark of its own run on', () => {
  const naive = fc.property(historyOf(look), (events) => {
    const { target, rows } = live(events, (_states, _bound, low) => low)
    expect(target).toEqual(rows)
  })
  expect(() => fc.assert(naive, { numRuns: 3000 })).toThrow('Property failed')
})
