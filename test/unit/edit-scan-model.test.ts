import fc from 'fast-check'
import { expect, it } from 'vitest'

import { lowerBound, nextState, observe, type HorizonState } from '../../lib/domain/horizon.js'
import { planEdits, type EditHistory, type EditScan } from '../../lib/domain/scan-budget.js'
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

interface State {
  readonly horizon: HorizonState
  readonly history: EditHistory
}

interface Run {
  readonly state: State | undefined
  readonly target: ReadonlyMap<number, Version>
}

/** When the message of a row was created: some before the history begins, some before a window of its later runs. */
const createdAt = (row: number) => 940 + 12 * row

/** Of a run, by chance: whether it scans all messages, and how far back its window goes, in thousandths of a microsecond. */
const scans = (look: Look) => look === calm || (look.between[0]?.length ?? 0) % 4 === 1
const windowOf = (look: Look) => 0.02 * (look === calm ? 3 : 1 + ((look.between[1]?.length ?? 0) % 3))

type ScanOf = (scan: EditScan, own: number) => EditScan

function run(
  model: Model,
  before: ReadonlyMap<number, Version>,
  last: State | undefined,
  event: Event,
  scanOf: ScanOf,
): Run {
  const look = event.does === 'look' ? event : calm
  const { probe, snapshot } = lookAt(model, look)
  const trace = observe(last?.horizon, probe)
  const bound = last && lowerBound(last.horizon, trace, probe, snapshot, 0)
  const horizon = nextState(trace, probe, snapshot)
  if (look.fails || !horizon) return { state: last, target: before }
  const { at } = horizon
  const target = new Map(before)
  const read = (isShown: (row: number, stamp: number) => boolean) => {
    for (const [row, version] of model.rows) if (isShown(row, version.stamp)) target.set(row, version)
  }
  if (!bound || !('low' in bound)) {
    read(() => true)
    return { state: { horizon, history: { edits: { lookedAt: at, since: null } } }, target }
  }
  const { low } = bound
  const editWindow = windowOf(look)
  const { bounds, next, editsAmong } = planEdits(
    last.history,
    { at, low, messages: Infinity, readsAll: scans(look) },
    { editWindow, editScanEvery: Infinity },
  )
  const { among, scan: given } = bounds
  const scan = given && scanOf(given, low - editWindow * 1000)
  if (among !== null) read((row, stamp) => createdAt(row) >= among && stamp >= low)
  if (scan)
    read((row, stamp) => stamp >= scan.since && (scan.before === null || createdAt(row) < scan.before))
  return { state: { horizon, history: { edits: next, editsAmong } }, target }
}

/** All runs of a history, and one that scans after every transaction has ended. */
function live(events: readonly Event[], scanOf: ScanOf = (scan) => scan) {
  const model = openModel()
  let made: Run = { state: undefined, target: new Map() }
  for (const event of events) {
    if (event.does === 'look') made = run(model, made.target, made.state, event, scanOf)
    else if (event.does === 'restart') model.restart()
    else model.step(event)
  }
  model.finish()
  const { target } = run(model, made.target, made.state, calm, scanOf)
  return { rows: model.rows, target }
}

const look = lookOf({ sees: fc.constant('nothing more'), isEarlierVersion: fc.constant(false) })

it('loses no edit of a message that a scan leaves to what runs have looked at', () => {
  const lossless = fc.property(historyOf(look), (events) => {
    const { target, rows } = live(events)
    expect(target).toEqual(rows)
  })
  fc.assert(lossless, { seed: 2026, numRuns: share(3000, 30_000) })
})

it('leaves most messages of the windows out of a scan', () => {
  let bounded = 0
  const counted = fc.property(historyOf(look), (events) => {
    live(events, (scan) => {
      if (scan.before !== null) bounded += 1
      return scan
    })
  })
  fc.assert(counted, { seed: 2026, numRuns: 500 })
  expect(bounded).toBeGreaterThan(100)
})

it('would lose edits if it left out what this run alone looks at', () => {
  const naive = fc.property(historyOf(look), (events) => {
    const { target, rows } = live(events, (scan, own) => ({ ...scan, before: scan.before && own }))
    expect(target).toEqual(rows)
  })
  expect(() => fc.assert(naive, { seed: 2026, numRuns: 20_000, endOnFailure: true })).toThrow(
    'Property failed',
  )
})
