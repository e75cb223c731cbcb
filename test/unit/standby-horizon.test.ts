import { expect, it } from 'vitest'

import {
  heldBackSince,
  lowerBound,
  nextState,
  observe,
  type HorizonState,
  type Probe,
  type Snapshot,
} from '../../lib/domain/horizon.js'

const identity = { system: '1', timeline: '1', database: '1' }

function probeAt(at: number, open: readonly string[], more: Partial<Probe> = {}): Probe {
  return {
    at,
    next: 100n,
    open,
    writing: [],
    prepared: false,
    mode: 'primary',
    identity,
    startedAt: 0,
    ...more,
  }
}

const snapshot: Snapshot = { xmin: 100n, xmax: 100n, inProgress: [], next: 100n }

function stateAfter(earlier: HorizonState | undefined, probe: Probe): HorizonState {
  const state = nextState(observe(earlier, probe), probe, snapshot)
  if (!state) throw new Error('A probe with a time leaves a state.')
  return state
}

it('does not take the standby that replays for a transaction that holds runs back', () => {
  const { bounds } = observe(undefined, probeAt(1000, ['1/1'], { mode: 'standby' }))
  expect([...bounds]).toEqual([])
  const state = stateAfter(undefined, probeAt(1000, ['1/1'], { mode: 'standby' }))
  const later = observe(state, probeAt(2000, ['1/1'], { mode: 'standby' }))
  expect(heldBackSince(later, snapshot)).toBeUndefined()
})

it('knows by its id since when at the latest a transaction has been open on the primary of a standby', () => {
  const at = (time: number, next: bigint) => probeAt(time, [], { mode: 'standby', next })
  const held = { ...snapshot, xmin: 105n }
  const first = nextState(observe(undefined, at(1000, 100n)), at(1000, 100n), snapshot)
  const second = nextState(observe(first, at(2000, 110n)), at(2000, 110n), held)
  const third = observe(second, at(9000, 120n))
  expect(heldBackSince(third, held)).toBe(2000)
  expect(heldBackSince(third, { ...snapshot, xmin: 120n })).toBeUndefined()
})

it('counts every transaction as ended when the server has restarted, as it names new ones like old ones', () => {
  const first = stateAfter(undefined, probeAt(1000, []))
  const last = stateAfter(first, probeAt(2000, ['3/5']))
  const restarted = probeAt(9000, ['3/5'], { startedAt: 8000 })

  const trace = observe(last, restarted)

  expect(lowerBound(last, trace, restarted, snapshot, 0)).toEqual({ low: 1000 })
  // The one that is open now began after the restart, so after the last look.
  expect(trace.bounds.get('3/5')).toBe(2000)
})
