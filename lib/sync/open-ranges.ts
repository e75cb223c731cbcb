import type { KeyRange } from '../domain/key-ranges.js'
import { addCounts, newTally, type Tally } from '../pipeline/tally.js'
import { recordRange } from '../postgres/control/range-progress.js'
import type { ColumnGuard } from '../postgres/driver/catalog.js'
import type { Session } from '../postgres/driver/session.js'
import { recordEvery } from './run.js'

/** A range of a run, and how far it came. */
export interface OpenRange {
  /** Where it is in the list. */
  readonly place: number
  readonly range: KeyRange
  /** The last key up to which its rows are loaded. */
  reached: string | null
  /** The same as the run's row has it: rows that were equal already are not recorded at once. */
  recorded: string | null
  /** What was counted since then. */
  pending: Tally['counts']
  /** By `performance.now()`. */
  recordedAt: number
  state: 'waiting' | 'taken' | 'loaded'
}

/** The ranges of a run, of which each worker takes the first one that nobody has. */
export interface OpenRanges {
  take(): OpenRange | undefined
  /** The rest of it is for another snapshot. */
  giveBack(range: OpenRange): void
  areLoaded(): boolean
  /** The key up to which everything is recorded once `range` is recorded up to `reached`. */
  resumeKey(range?: OpenRange, reached?: string): string | null
  /** What has to be kept of them. */
  list(): readonly KeyRange[]
}

export function openRanges(ranges: readonly KeyRange[]): OpenRanges {
  const open = ranges.map((range, place): OpenRange => ({
    ...{ place, range, reached: range.reached, recorded: range.reached, state: 'waiting' },
    ...{ pending: newTally().counts, recordedAt: 0 },
  }))
  return {
    take: () => {
      const next = open.find(({ state }) => state === 'waiting')
      if (next) next.state = 'taken'
      return next
    },
    giveBack: (range) => {
      range.state = 'waiting'
    },
    areLoaded: () => open.every(({ state }) => state === 'loaded'),
    resumeKey: (own, reached) => {
      const recordedOf = (range: OpenRange) => (range === own ? (reached ?? null) : range.recorded)
      const isRecorded = (range: OpenRange) => range.state === 'loaded' && recordedOf(range) === range.reached
      const first = open.find((range) => !isRecorded(range)) ?? open.at(-1)
      return first ? (recordedOf(first) ?? first.range.after) : null
    },
    list: () => open.map(({ range, recorded }) => ({ ...range, reached: recorded })),
  }
}

/** Records in the run's row what a worker has loaded of a range, in the transaction of a batch; whether it was worth recording. */
export type RecordRange = (
  target: Session,
  range: OpenRange,
  batch: Pick<Tally, 'counts'> & { readonly reached: string },
) => Promise<boolean>

export function rangeRecorder(
  run: { readonly executionId: string; readonly token: string },
  ranges: Pick<OpenRanges, 'resumeKey'>,
  guard: ColumnGuard,
): RecordRange {
  return async (target, range, { counts, reached }) => {
    const { pending, place, recordedAt } = range
    addCounts(pending, counts)
    const written = pending.rowsInserted + pending.rowsUpdated + pending.rowsDeleted + pending.rowsRejected
    if (written === 0 && performance.now() - recordedAt <= recordEvery) return false
    const progress = { place, reached, resumeKey: ranges.resumeKey(range, reached), counts: pending }
    guard.check(await recordRange(target, run, progress, guard.query))
    range.pending = newTally().counts
    range.recordedAt = performance.now()
    return true
  }
}
