import { addCounts, newTally, type Tally } from '../pipeline/tally.js'
import { recordEvery } from './run.js'
import { recordRange } from '../postgres/control/range-progress.js'
import type { ColumnGuard } from '../postgres/driver/catalog.js'
import type { Session } from '../postgres/driver/session.js'
import type { OpenRange, OpenRanges } from './open-ranges.js'

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
