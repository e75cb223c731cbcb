import type { Cost } from './contest.js'

/** A measured case beside its bar. */
export interface Finding {
  readonly name: string
  readonly value: number
  readonly unit: 'ms' | 'MB' | 'trips' | 'rows' | 'runs' | 'blocks' | 'bytes/row'
  /** What the bar limits; null where only the value counts. */
  readonly ratio: number | null
  /** `<= 1.15 x L1`; empty for what is only told. */
  readonly bar: string
  readonly met: boolean | null
}

export interface Result {
  readonly findings: readonly Finding[]
  readonly costs: readonly Cost[]
}

/** At most so many times another cost. */
export function atMost(
  name: string,
  ours: number,
  times: number,
  other: { readonly of: string; readonly value: number },
  unit: Finding['unit'] = 'ms',
): Finding {
  const ratio = ours / other.value
  return { name, value: ours, unit, ratio, bar: `<= ${times} x ${other.of}`, met: ratio <= times }
}

/** At least so many times faster than another; the ratio says how many times. */
export function atLeastFaster(
  name: string,
  ours: number,
  times: number,
  other: { readonly of: string; readonly value: number },
): Finding {
  const ratio = other.value / ours
  return {
    name,
    value: ours,
    unit: 'ms',
    ratio,
    bar: `>= ${times} x faster than ${other.of}`,
    met: ratio >= times,
  }
}

/** At most a value that does not depend on another. */
export function within(name: string, value: number, bar: number, unit: Finding['unit']): Finding {
  return { name, value, unit, ratio: null, bar: `<= ${bar} ${unit}`, met: value <= bar }
}

/** A figure without a bar. */
export function told(
  name: string,
  value: number,
  unit: Finding['unit'],
  ratio: number | null = null,
): Finding {
  return { name, value, unit, ratio, bar: '', met: null }
}
