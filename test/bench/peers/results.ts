import { median } from '../contest.js'
import { table } from '../table.js'
import type { Lost } from './lost-rows.js'
import type { Sample } from './measure.js'
import type { Peer } from './peer.js'

/** One line of the table: medians of the rounds. */
export interface PeerResult {
  readonly name: string
  readonly kind: Peer['kind']
  readonly packages: readonly string[]
  readonly note: string
  readonly firstLoad: number
  readonly nothingChanged: number | null
  readonly thousandChanged: number | null
  readonly peakBytes: number
  readonly walBytes: number
  readonly lost: Lost | null
  readonly samples: readonly Sample[]
}

export function resultOf(
  { name, kind, packages, note = '' }: Peer,
  samples: readonly Sample[],
  lost: Lost | null,
): PeerResult {
  const of = (field: keyof Sample) => samples.map((sample) => sample[field] ?? NaN)
  const orNull = (value: number) => (Number.isNaN(value) ? null : value)
  return {
    ...{ name, kind, packages, note, lost, samples },
    firstLoad: median(of('firstLoad')),
    nothingChanged: orNull(median(of('nothingChanged'))),
    thousandChanged: orNull(median(of('thousandChanged'))),
    peakBytes: median(of('peakBytes')),
    walBytes: median(of('walBytes')),
  }
}

/** Each figure with how many times ours it is. */
export function resultsTable(results: readonly PeerResult[]): string {
  const ours = results.find(({ kind }) => kind === 'ours')
  const seconds = (value: number | null, base: number | null | undefined) =>
    value === null ? '-' : `${(value / 1000).toFixed(value < 10_000 ? 2 : 1)} s${times(value, base)}`
  const megabytes = (value: number, base: number | undefined) =>
    `${(value / 2 ** 20).toFixed(0)} MB${times(value, base)}`
  const rows = results.map((each) => [
    [each.name, ...each.packages.slice(0, 2)].join(' '),
    seconds(each.firstLoad, ours?.firstLoad),
    seconds(each.nothingChanged, ours?.nothingChanged),
    seconds(each.thousandChanged, ours?.thousandChanged),
    megabytes(each.peakBytes, ours?.peakBytes),
    megabytes(each.walBytes, ours?.walBytes),
    each.lost === null ? '-' : `${each.lost.lost} of ${each.lost.written}`,
    each.note,
  ])
  const head = [
    'tool',
    'first load',
    'nothing changed',
    '1,000 changed',
    'peak memory',
    'WAL',
    'rows lost',
    '',
  ]
  return table(head, rows)
}

function times(value: number, base: number | null | undefined): string {
  return base === null || base === undefined ? '' : ` (${(value / base).toFixed(2)} x)`
}

const columns = [
  ['first load', ({ firstLoad }: PeerResult) => firstLoad],
  ['nothing changed', ({ nothingChanged }: PeerResult) => nothingChanged],
  ['1,000 changed', ({ thousandChanged }: PeerResult) => thousandChanged],
  ['peak memory', ({ peakBytes }: PeerResult) => peakBytes],
  ['WAL', ({ walBytes }: PeerResult) => walBytes],
  ['rows lost', ({ lost }: PeerResult) => lost?.lost ?? null],
] as const

/** For each column, whether this package is ahead of every other tool that syncs, or who is ahead of it. */
export function standings(results: readonly PeerResult[]): string[] {
  const ours = results.find(({ kind }) => kind === 'ours')
  if (!ours) return []
  return columns.map(([name, figure]) => {
    const own = figure(ours) ?? Infinity
    const ahead = results.filter(
      ({ kind, ...each }) => kind === 'sync' && (figure({ kind, ...each }) ?? Infinity) < own,
    )
    return ahead.length === 0
      ? `${name}: none is ahead`
      : `${name}: ahead are ${ahead.map((each) => each.name).join(', ')}`
  })
}
