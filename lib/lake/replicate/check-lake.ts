import { readMarks } from '../../postgres/control/lake-marks.js'
import { withSnapshot } from '../../postgres/driver/transaction.js'
import { readDelta } from '../delta/read-delta.js'
import { totalsOf } from './commit-version.js'
import { examineMonths, findMissing } from './examine.js'
import { notesOf } from './file-notes.js'
import type { LakeContext } from './lake-context.js'
import type { LakeDifference, LakeReport } from './lake-report.js'
import { isEqual, rowsIn } from './plan-files.js'

type Checked = Omit<LakeReport, 'durationSeconds' | 'pipeline' | 'lake' | 'table'>

/**
 * Compares each month of the table with the lake, by the count and the row versions that its files were written from, and looks whether the
 * files are there. Months of an archive are none of the table's. It writes nothing and takes no lock.
 */
export async function checkLake({ target, storage, relation, options, name }: LakeContext): Promise<Checked> {
  // The log before the snapshot: what is committed in between is marked there.
  const before = await readDelta(storage)
  const missing = await findMissing(storage, before)
  const { marks, days } = await withSnapshot(target, options, async () => ({
    marks: await readMarks(target, name),
    days: await examineMonths(target, relation, 'all'),
  }))
  const files = [...(before?.files.values() ?? [])]
  const own = files.filter((file) => !notesOf(file).isArchived)
  const months = new Set([...files.map(notesOf), ...days].map(({ month }) => month))
  const isMarked = (month: string) => marks.months === 'all' || marks.months.has(month)
  const differences = [...months].sort().flatMap((month): LakeDifference[] => {
    const inTable = days.filter((day) => day.month === month)
    const inLake = own.filter((file) => notesOf(file).month === month)
    const counts = { month, rowsInTable: rowsIn(inTable), rowsInLake: rowsIn(inLake.map(notesOf)) }
    const isLost = files.some((file) => notesOf(file).month === month && missing.has(file.path))
    if (isLost) return [{ ...counts, kind: 'file-missing' }]
    if (isEqual(inLake, inTable)) return []
    return [{ ...counts, kind: isMarked(month) ? 'pending' : 'unmarked' }]
  })
  return {
    ...{ version: before?.version ?? null, committed: false, reason: null, months: [], differences },
    ...{ equalAt: differences.length === 0 && before ? marks.at : null, vacuumed: null },
    ...{ rowsWritten: 0, bytesWritten: 0, filesAdded: 0, filesRemoved: 0 },
    ...totalsOf(files),
  }
}
