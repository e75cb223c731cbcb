import { readMarks, type Marks } from '../../postgres/control/lake-marks.js'
import { recordVersion } from '../../postgres/control/lake-versions.js'
import { withSnapshot } from '../../postgres/driver/transaction.js'
import type { DeltaTable } from '../delta/read-delta.js'
import type { ResolvedLakeOptions } from '../lake-options.js'
import { commitVersion, totalsOf, type ReadyVersion } from './commit-version.js'
import { examineMonths, findMissing } from './examine.js'
import type { LakeContext } from './lake-context.js'
import type { LakeReport } from './lake-report.js'
import { newestMonths, planFiles } from './plan-files.js'
import type { OpenedLake } from './register-lake.js'
import { writeParts } from './write-parts.js'

type Written = Omit<LakeReport, 'durationSeconds' | 'pipeline' | 'lake' | 'table' | 'vacuumed'>

/** Writes what the lake lacks, from one snapshot of the table, as one version; none where it lacks nothing. */
export async function writeVersion(context: LakeContext, opened: OpenedLake): Promise<Written> {
  const { target, storage, options } = context
  const { lake, before } = opened
  const ready = await withSnapshot(target, options, () => prepare(context, opened))
  const hasChanged = ready.added.length + ready.removed.length > 0 || ready.shape !== before
  if (before && !hasChanged) {
    await recordVersion(target, lake, { ...ready, version: before.version })
    return unchanged(before, ready.equalAt)
  }
  const { version, reason, months, ...counts } = await commitVersion({ target, storage, lake }, ready)
  return { ...{ version, committed: true, reason, months, differences: null }, ...counts }
}

/** Reads the marks and writes the files, both as the open snapshot shows the table. */
async function prepare(context: LakeContext, opened: OpenedLake): Promise<ReadyVersion> {
  const { target, storage, relation, options } = context
  const { before, shape, standing } = opened
  const { sinceScratch = false, rebuild = false, repair = false } = options
  const marks = await readMarks(target, context.name)
  const comparesAll =
    standing !== 'known' ||
    sinceScratch ||
    rebuild ||
    repair ||
    shape.added.length > 0 ||
    marks.months === 'all'
  const examined = comparesAll ? 'all' : marks.months
  const days = await examineMonths(target, relation, examined, shape.added)
  const { write, remove, months } = planFiles({
    ...{ files: before?.files.values() ?? [], days, examined },
    newest: newestMonths(days, marks.month),
    dailyFrom: options.dailyFrom,
    isRewritten: sinceScratch || rebuild,
    missing: repair ? await findMissing(storage, before) : new Set(),
  })
  const { signal, onProgress } = options
  const writing = { target, table: relation, columns: shape.columns, storage, signal, onProgress }
  return {
    ...{ before, shape: shape.shape, removed: remove, months, equalAt: marks.at, marks: marks.marks },
    added: await writeParts(writing, write),
    reason: reasonOf(options, opened, marks),
  }
}

function reasonOf(
  { sinceScratch, rebuild, repair }: Pick<ResolvedLakeOptions, 'sinceScratch' | 'rebuild' | 'repair'>,
  { standing, shape: { added } }: Pick<OpenedLake, 'standing' | 'shape'>,
  { months }: Pick<Marks, 'months'>,
): string {
  if (standing === 'new') return 'first version'
  if (rebuild) return 'rebuilt'
  if (sinceScratch) return 'since scratch'
  if (repair) return 'every month was compared'
  if (standing === 'unknown') return 'the newest version was not recorded, so every month was compared'
  if (added.length > 0) return `new columns: ${added.join(', ')}`
  return months === 'all' ? 'every month was compared' : 'rows have changed'
}

function unchanged({ version, files }: DeltaTable, equalAt: string): Written {
  return {
    ...{ version, committed: false, reason: null, equalAt, months: [], differences: null },
    ...{ rowsWritten: 0, bytesWritten: 0, filesAdded: 0, filesRemoved: 0 },
    ...totalsOf([...files.values()]),
  }
}
