import { expect, it } from 'vitest'

import {
  heldBackSince,
  isBeginUnknown,
  isOtherSource,
  lowerBound,
  nextState,
  nothingWritten,
  observe,
  type HorizonState,
  type Probe,
  type Snapshot,
  type Trace,
} from '../../lib/domain/horizon.js'

const identity = { system: 's', timeline: '1', database: 'd' }

function probeAt(
  at: number | null,
  given: Partial<Omit<Probe, 'next' | 'at' | 'writing'>> & {
    next?: number
    writing?: readonly number[]
  } = {},
): Probe {
  const { next = at ?? 0, writing = [], ...rest } = given
  return {
    at,
    next: BigInt(next),
    open: [],
    writing: writing.map(BigInt),
    prepared: false,
    mode: 'primary',
    identity,
    startedAt: 1,
    ...rest,
  }
}

function snapshotOf(xmin: number, xmax: number, inProgress: readonly number[] = [], next = xmax): Snapshot {
  return { xmin: BigInt(xmin), xmax: BigInt(xmax), inProgress: inProgress.map(BigInt), next: BigInt(next) }
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('There is no state.')
  return value
}

/** The state after probes, the last of which a successful run has made, with its snapshot. */
function stateAfter(probes: readonly Probe[], snapshot?: Snapshot): HorizonState {
  const trace = required(
    probes.reduce<Trace | undefined>((earlier, probe) => observe(earlier, probe), undefined),
  )
  const last = required(probes.at(-1))
  return required(nextState(trace, last, snapshot ?? snapshotOf(Number(last.next), Number(last.next))))
}

function boundAfter(last: HorizonState, probe: Probe, snapshot?: Snapshot, skew = 0) {
  return lowerBound(
    last,
    observe(last, probe),
    probe,
    snapshot ?? snapshotOf(Number(probe.next), Number(probe.next)),
    skew,
  )
}

it('reads from the last probe, less the clock skew allowed, when nothing was open', () => {
  expect(boundAfter(stateAfter([probeAt(100)]), probeAt(200), undefined, 30)).toEqual({ low: 70 })
})

it('reads from the last probe that did not show a transaction which has ended', () => {
  const state = stateAfter([
    probeAt(100),
    probeAt(200),
    probeAt(300, { open: ['3/1'] }),
    probeAt(400, { open: ['3/1', '4/1'] }),
  ])
  expect(boundAfter(state, probeAt(500, { open: ['4/1'] }))).toEqual({ low: 200 })
  expect(boundAfter(state, probeAt(500, { open: ['3/1'] }))).toEqual({ low: 300 })
  expect(boundAfter(state, probeAt(500, { open: ['3/1', '4/1'] }))).toEqual({ low: 400 })
})

it('reads everything once a transaction has ended that the first probe already showed', () => {
  const state = stateAfter([probeAt(100, { open: ['3/1'] }), probeAt(200, { open: ['3/1'] })])
  expect(heldBackSince(state, state.snapshot)).toBeNull()
  expect(boundAfter(state, probeAt(300, { open: ['3/1'] }))).toEqual({ low: 200 })
  expect(boundAfter(state, probeAt(300))).toEqual({ unknown: expect.stringContaining('open longer') })
})

it('resolves ids of the last snapshot by the probes, where no virtual id was seen', () => {
  const probes = [
    probeAt(100, { next: 10 }),
    probeAt(200, { next: 20, writing: [15] }),
    probeAt(300, { next: 30, writing: [15, 25] }),
  ]
  const state = stateAfter(probes, snapshotOf(15, 31, [15, 25], 31))
  expect(boundAfter(state, probeAt(400, { next: 40 }), snapshotOf(15, 40, [15]))).toEqual({ low: 200 })
  expect(boundAfter(state, probeAt(400, { next: 40 }), snapshotOf(25, 40, [25]))).toEqual({ low: 100 })
  expect(boundAfter(state, probeAt(400, { next: 40 }), snapshotOf(15, 40, [15, 25]))).toEqual({ low: 300 })
})

it('resolves an id that was given out and not yet shown by the last snapshot', () => {
  const state = stateAfter(
    [probeAt(100, { next: 10 }), probeAt(200, { next: 20, writing: [12] })],
    snapshotOf(12, 12, [], 20),
  )
  expect(boundAfter(state, probeAt(300, { next: 30 }))).toEqual({ low: 100 })
  const stillOpen = snapshotOf(12, 30, [12, 13, 14, 15, 16, 17, 18, 19])
  expect(boundAfter(state, probeAt(300, { next: 30 }), stillOpen)).toEqual({ low: 200 })
})

it('keeps bounds though ids lie billions apart', () => {
  const far = 2 ** 40
  const state = stateAfter(
    [probeAt(100, { next: 5 }), probeAt(200, { next: far, writing: [7] })],
    snapshotOf(7, far + 3, [7, far + 1], far + 4),
  )
  const now = probeAt(300, { next: 2 * far })
  expect(boundAfter(state, now, snapshotOf(7, 2 * far, [7]))).toEqual({ low: 200 })
  expect(boundAfter(state, now)).toEqual({ low: 100 })
})

it('reads everything after the clock was set back, and takes no later time from before for a bound', () => {
  const state = stateAfter([probeAt(1000, { next: 1 }), probeAt(2000, { next: 2, open: ['3/1'] })])
  const back = probeAt(500, { next: 3, open: ['3/1'] })
  expect(boundAfter(state, back)).toEqual({ unknown: 'the clock of the source was set back' })
  const trace = observe(state, back)
  expect(trace.points.every(({ at }) => at <= 500)).toBe(true)
  expect(heldBackSince(trace, snapshotOf(3, 3))).toBe(500)
})

it.each([
  ['another server', { identity: { ...identity, system: 'x' } }, 'another server', true],
  ['another database', { identity: { ...identity, database: 'x' } }, 'another database', true],
  ['another timeline', { identity: { ...identity, timeline: '2' } }, 'restored or failed over', true],
  ['a standby', { mode: 'standby' }, 'was a primary and is a standby', false],
  ['a restarted server with prepared transactions', { startedAt: 2, prepared: true }, 'restarted', false],
] as const)('reads everything from %s, and forgets what it saw', (_, changed, reason, isOther) => {
  const state = stateAfter([probeAt(100, { open: ['3/1'] })])
  const probe = probeAt(200, { ...changed, open: ['3/1'] })
  expect(boundAfter(state, probe)).toEqual({ unknown: expect.stringContaining(reason) })
  expect(observe(state, probe).points).toEqual([{ at: 200, next: 200n }])
  expect(isOtherSource(state, probe)).toBe(isOther)
})

it('continues with its state after a restart', () => {
  const state = stateAfter([probeAt(100), probeAt(200, { open: ['3/1'] })])
  expect(boundAfter(state, probeAt(300, { startedAt: 250 }))).toEqual({ low: 100 })
})

it('reads everything when the source has forgotten transactions', () => {
  const state = stateAfter([probeAt(100, { next: 50 })])
  expect(boundAfter(state, probeAt(200, { next: 40 }))).toEqual({
    unknown: expect.stringContaining('forgotten'),
  })
})

it('reaches on a standby back to the probe before the oldest open transaction', () => {
  const standby = { mode: 'standby' } as const
  const probes = [probeAt(100, { ...standby, next: 10 }), probeAt(200, { ...standby, next: 20 })]
  const state = stateAfter(probes, snapshotOf(15, 20))
  expect(boundAfter(state, probeAt(300, { ...standby, next: 30 }))).toEqual({ low: 100 })
  const beforeAll = stateAfter(probes, snapshotOf(5, 20))
  expect(boundAfter(beforeAll, probeAt(300, { ...standby, next: 30 }))).toHaveProperty('unknown')
})

it('vouches for nothing on a standby that has not replayed a commit', () => {
  const standby = { mode: 'standby' } as const
  const idle = probeAt(null, standby)
  expect(nextState(observe(undefined, idle), idle, snapshotOf(1, 1))).toBeUndefined()
  const state = stateAfter([probeAt(100, standby)])
  expect(boundAfter(state, idle)).toEqual({ unknown: expect.stringContaining('not replayed') })
})

it('calls a source idle only when no id was given out and none was open', () => {
  const isIdle = (last: HorizonState, probe: Probe, snapshot: Snapshot) =>
    nothingWritten(last, observe(last, probe), probe, snapshot)
  const idle = stateAfter([probeAt(100, { next: 10 })], snapshotOf(10, 10))
  expect(isIdle(idle, probeAt(200, { next: 10 }), snapshotOf(10, 10))).toBe(true)
  expect(isIdle(idle, probeAt(200, { next: 11 }), snapshotOf(11, 11))).toBe(false)
  const open = stateAfter([probeAt(100, { next: 10, writing: [8] })], snapshotOf(8, 10, [8]))
  expect(isIdle(open, probeAt(200, { next: 10 }), snapshotOf(10, 10))).toBe(false)
  const hidden = stateAfter([probeAt(100, { next: 10, writing: [8] })], snapshotOf(8, 8, [], 10))
  expect(isIdle(hidden, probeAt(200, { next: 10 }), snapshotOf(8, 8, [], 10))).toBe(false)
  expect(isIdle(idle, probeAt(200, { next: 10, startedAt: 2, prepared: true }), snapshotOf(10, 10))).toBe(
    false,
  )
})

it('does not call a standby idle while a transaction is open whose id its snapshots do not list', () => {
  const standby = (at: number) => probeAt(at, { next: 10, mode: 'standby' })
  const held = stateAfter([standby(50), standby(100)], snapshotOf(8, 10))
  const trace = observe(held, standby(200))
  expect(nothingWritten(held, trace, standby(200), snapshotOf(8, 10))).toBe(false)
  expect(nothingWritten(held, trace, standby(200), snapshotOf(10, 10))).toBe(false)
})

it('calls a source idle only while the transactions that the last run saw open still are', () => {
  const held = stateAfter([probeAt(50), probeAt(100, { next: 10, open: ['3/1'] })], snapshotOf(10, 10))
  const isIdle = (probe: Probe) => nothingWritten(held, observe(held, probe), probe, snapshotOf(10, 10))
  expect(isIdle(probeAt(200, { next: 10, open: ['3/1'] }))).toBe(true)
  expect(isIdle(probeAt(200, { next: 10 }))).toBe(false)
  expect(isIdle(probeAt(200, { next: 10, open: ['3/1'], startedAt: 2 }))).toBe(false)
})

it('takes ids of other databases for nothing that is open, below a snapshot or above', () => {
  const probes = [probeAt(100, { next: 30 }), probeAt(200, { next: 30 })]
  const state = stateAfter(probes, snapshotOf(15, 20, [15], 30))
  expect(state.snapshot).toMatchObject({ xmin: 30n, inProgress: [] })
  expect(boundAfter(state, probeAt(300, { next: 30 }), snapshotOf(30, 30))).toEqual({ low: 200 })
  const isIdle = (next: number) => {
    const probe = probeAt(300, { next })
    return nothingWritten(state, observe(state, probe), probe, snapshotOf(15, 20, [15], next))
  }
  expect([30, 31].map(isIdle)).toEqual([true, false])
})

it('takes ids that were given out between the probe and the snapshot for ids of its own database', () => {
  const state = stateAfter([probeAt(100, { next: 10 })], snapshotOf(12, 12))
  expect(state.snapshot.xmin).toBe(10n)
  const probe = probeAt(200, { next: 12 })
  expect(nothingWritten(state, observe(state, probe), probe, snapshotOf(12, 12))).toBe(false)
})

it('says of an open transaction since when it is known to be, not when the one before had not seen it', () => {
  const long = stateAfter([probeAt(100), probeAt(3700), probeAt(7300, { open: ['3/1'] })])
  expect(heldBackSince(long, long.snapshot)).toBe(7300)
  const later = probeAt(10_900, { open: ['3/1'] })
  const trace = observe(long, later)
  expect(heldBackSince(trace, snapshotOf(1, 1))).toBe(7300)
  // Also of one that has no id, for which no other point is kept.
  const state = required(nextState(trace, later, snapshotOf(1, 1)))
  expect(heldBackSince(observe(state, probeAt(14_500, { open: ['3/1'] })), snapshotOf(1, 1))).toBe(7300)
})

it('knows no begin of what is open at the first probe, in its own database alone', () => {
  const isUnknown = (probe: Probe, snapshot: Snapshot) =>
    isBeginUnknown(observe(undefined, probe), probe, snapshot)
  const elsewhere = snapshotOf(5, 10, [5])
  expect(isUnknown(probeAt(100, { next: 10 }), elsewhere)).toBe(false)
  expect(isUnknown(probeAt(100, { next: 10, open: ['3/1'] }), elsewhere)).toBe(true)
  expect(isUnknown(probeAt(100, { next: 10, writing: [5] }), elsewhere)).toBe(true)
  expect(isUnknown(probeAt(100, { next: 10, mode: 'standby' }), snapshotOf(5, 10))).toBe(true)
})

it('continues with a state of an earlier version, which counted the ids of all databases', () => {
  const trace = [probeAt(100, { next: 20 }), probeAt(200, { next: 30 })].reduce<Trace | undefined>(
    observe,
    undefined,
  )
  const earlier = { ...required(trace), at: 200, snapshot: snapshotOf(15, 30, [15, 25]) }
  const stillOpen = snapshotOf(15, 40, [15, 25])
  const probe = probeAt(300, { next: 40 })
  expect(boundAfter(earlier, probe, stillOpen)).toEqual({ low: 200 })
  expect(boundAfter(earlier, probe, snapshotOf(15, 40, [15]))).toEqual({ low: 100 })
  expect(boundAfter(earlier, probe, snapshotOf(40, 40))).toHaveProperty('unknown')

  const next = required(nextState(observe(earlier, probe), probe, stillOpen))
  expect(boundAfter(next, probeAt(400, { next: 50 }), snapshotOf(50, 50))).toEqual({ low: 300 })
})

it('keeps a small state however long a transaction stays open, and its bound with it', () => {
  let state = stateAfter([probeAt(1), probeAt(2), probeAt(3, { open: ['3/1'] })], snapshotOf(3, 4, [3]))
  for (let at = 4; at < 20_000; at++) {
    const probe = probeAt(at, { open: ['3/1'] })
    state = required(nextState(observe(state, probe), probe, snapshotOf(3, at, [3])))
  }
  expect(state.points.length).toBeLessThan(1000)
  expect(heldBackSince(state, state.snapshot)).toBe(3)
  expect(boundAfter(state, probeAt(20_000), snapshotOf(20_000, 20_000))).toEqual({
    low: expect.toSatisfy((low: number) => low <= 2),
  })
})
