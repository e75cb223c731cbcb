import { expect, it } from 'vitest'

import {
  isScanDue,
  planScans,
  statesMovedBack,
  waitBetween,
  type FeedState,
} from '../../lib/domain/scan-budget.js'

const hour = 3_600_000_000
const limits = { scanShare: 0.002, scanEvery: 21_600_000 }
const large: FeedState = { through: 0, since: 0, took: 200, pages: 30_000 }
const path = (feed: string, isIndexed = false, pages = 30_000) => ({ feed, isIndexed, pages })

const readBy = (
  before: Record<string, FeedState>,
  at: number,
  paths = Object.keys(before).map((feed) => path(feed)),
) => [...planScans(before, { at, low: at, paths, isComplete: false }, limits).keys()]

it('counts a scan from memory with what its pages take from a volume', () => {
  expect(waitBetween([large], 0.002)).toBe(7_500_000)
  expect(waitBetween([{ took: 40_000, pages: 30_000 }], 0.002)).toBe(20_000_000)
})

it('scans once the share allows all scans together', () => {
  const both = { one: large, other: { ...large, pages: 15_000 } }
  const paths = [path('one'), path('other', false, 15_000)]
  expect(readBy({ one: large }, 2.08 * hour)).toEqual([])
  expect(readBy({ one: large }, 2.09 * hour)).toEqual(['one'])
  expect(readBy(both, 3.12 * hour, paths)).toEqual([])
  expect(readBy(both, 3.13 * hour, paths)).toEqual(['one', 'other'])
})

it('scans after six hours, however long a scan takes', () => {
  const huge = { one: { ...large, took: 600_000 } }
  expect(readBy(huge, 5.99 * hour)).toEqual([])
  expect(readBy(huge, 6 * hour)).toEqual(['one'])
})

it.each([
  ['that was never measured', { ...large, took: null }, path('one')],
  ['that takes less than 20 ms', { ...large, took: 19 }, path('one')],
  ['of a table of 8 MB', { ...large, took: 400 }, path('one', false, 1000)],
  ['with an index', large, path('one', true)],
] as const)('reads each time a feed %s', (_, state, of) => {
  expect(readBy({ one: state }, 1, [of])).toEqual(['one'])
})

it('reads from the earliest bound of the runs that have left a feed out', () => {
  const states = { one: { ...large, since: 5 }, other: { ...large, since: null } }
  const run = { at: 100, low: 50, paths: [path('one'), path('other')], isComplete: true }
  expect([...planScans(states, run, limits)]).toEqual([
    ['one', 5],
    ['other', 50],
  ])
})

it('scans where the clock of the source is behind the last scan', () => {
  expect(readBy({ one: { ...large, through: 10 } }, 5)).toEqual(['one'])
})

it('counts the time since the last scan on the clock as it is now', () => {
  const moved = statesMovedBack({ one: large }, 3 * hour)
  expect(moved).toEqual({ one: { ...large, through: -3 * hour } })
  expect(isScanDue(moved, 0, { ...limits, isComplete: false })).toBe(true)
  expect(isScanDue({ one: large }, 0, { ...limits, isComplete: false })).toBe(false)
})
