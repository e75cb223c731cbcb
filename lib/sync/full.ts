import { throwIfAborted } from '../domain/abort.js'
import type { SyncReport } from '../domain/report.js'
import { tablesRead } from '../pipeline/prepare/plan.js'
import { withRanges } from '../pipeline/prepare/state.js'
import { readAhead } from '../pipeline/read/batches.js'
import { rowsAfter, rowsOf } from '../pipeline/read/queries.js'
import { emitProgress, loadWarnings, measure, type Tally } from '../pipeline/tally.js'
import { loadBatches, neverCommit, type CommitPolicy } from '../pipeline/write/load-batches.js'
import type { LoadContext } from '../pipeline/write/load-context.js'
import { settleRejects } from '../pipeline/write/rejects.js'
import { collapsingKeys, rejectCollapsed, dropLeftOut } from '../pipeline/write/spellings.js'
import { retryConflicts } from '../pipeline/write/retry-conflicts.js'
import { softDeleteWhatIsMissing } from '../pipeline/write/soft-delete-missing.js'
import { recordProgress } from '../postgres/control/runs.js'
import { guardColumns } from '../postgres/driver/catalog.js'
import type { Session } from '../postgres/driver/session.js'
import { compile } from '../postgres/driver/statement.js'
import { beginBatch, beginWriting, setSavepoint, type Timeouts } from '../postgres/driver/transaction.js'
import { lockTables } from '../postgres/source/relation-identity.js'
import { isCountable } from '../postgres/target/load-plan.js'
import { createStage, isEmptyWithin } from '../postgres/target/stage.js'
import type { ParallelLoad } from './parallel.js'
import { finishRun, handleOf, toRunRow, recordEvery, type DryRunStart, type Run } from './run.js'
import {
  loadContextOf,
  readRows,
  rowsByCursor,
  rowsInBulk,
  scopeOf,
  readingScope,
  spelledSource,
} from './rows.js'

/**
 * Reads all rows in order of their key, and commits each batch with the key it reached: a run that is killed resumes after it. At the end,
 * the rows that do not exist in the source are soft-deleted, and the run is closed, in one transaction. A dry run is one transaction that is
 * rolled back.
 */
export async function runFull(run: Run, dryRun: DryRunStart | undefined): Promise<SyncReport> {
  const { source, target, options, tally, baseline, resumeAfter } = run
  const { plan } = baseline
  const found = loadContextOf(run)
  const scope = scopeOf(run)
  const emit = (phase: 'load' | 'deletes', rowsExpected: number | null) =>
    emitProgress(options.onProgress, tally, { phase, rowsExpected })
  await lockTables(source, tablesRead(plan))
  await createStage(target, plan.load, { dryRun: options.dryRun })
  const context = await withLateDrops(run, found)
  await retryRejected(run, context)
  const progress = progressRecorder(run)
  const policy = dryRun
    ? neverCommit(target, () => target.script([...beginWriting(options), setSavepoint]))
    : commitEachBatch(target, options, progress.record)
  const onLoaded = () => emit('load', plan.estimatedRows)
  if (!(await isLoadedInParallel(run, context, onLoaded))) {
    const extractor = rowsInBulk(run)
    const reading = readingScope(run, extractor)
    const batches = readRows(run, extractor, (after) => rowsAfter(reading, after))
    await loadBatches(context, batches, policy, {
      canAppend: await canAppend(run),
      onLoaded: () => {
        progress.committed()
        onLoaded()
      },
    })
  }
  throwIfAborted(options.signal)
  await policy.beginLast()
  const missing = {
    ...{ source, target, scope, tally },
    dryRun: options.dryRun,
    isResumed: resumeAfter !== null,
    limits: {
      maxDeleteShare: options.maxDeleteShare,
      isUnexpectedSource: run.isNewSource && !options.acceptNewSource,
    },
    signal: options.signal,
  }
  await measure(tally, 'deletes', () => softDeleteWhatIsMissing(missing, () => emit('deletes', null)))
  const from = spelledSource(run)
  if (context.transform) await dropLeftOut(context, from)
  if (tally.rejected.inConflict.size > 0) await retryConflicts(context, from)
  if (context.rejects.spellings) await rejectCollapsed(context, from)
  tally.warnings.push(...loadWarnings(tally, plan.load.table.name))
  const hadRejects = run.rejectedBefore.size > 0
  if (tally.counts.rowsRejected > 0 || hadRejects) {
    await settleRejects(context, { isResumed: resumeAfter !== null, hadRejects })
  }
  const report = await finishRun({ ...run, facts: factsAtEnd(run) }, dryRun)
  await policy.endLast()
  return report
}

/** One connection loads everything, unless the options say otherwise, or a load that is resumed has used several. */
async function isLoadedInParallel(
  run: ParallelLoad,
  context: LoadContext,
  onLoaded: () => void,
): Promise<boolean> {
  if (run.options.parallel === 1 && run.resumeAfter === null) return false
  const { loadInParallel } = await import('./parallel.js')
  return loadInParallel(run, context, onLoaded)
}

/** The state of a load that was resumed may hold its ranges. */
function factsAtEnd({ facts, resumeAfter }: Pick<Run, 'facts' | 'resumeAfter'>): Run['facts'] {
  return resumeAfter === null
    ? facts
    : { ...facts, state: (took) => withRanges(facts.state(took), undefined) }
}

/**
 * Commits each batch, together with what `record` writes, so that a run that is killed resumes after it. What comes after the last batch has
 * to be written, as its commit is the one that waits for the disk.
 */
function commitEachBatch(
  target: Session,
  timeouts: Timeouts,
  record: (lastKey: string) => Promise<void>,
): CommitPolicy {
  return {
    begin: () => target.script([...beginBatch(timeouts), setSavepoint]),
    end: async (lastKey) => {
      await record(lastKey)
      await target.script(['commit'])
    },
    beginLast: () => target.script(beginWriting(timeouts)),
    endLast: () => target.script(['commit']),
  }
}

/** Records progress with a batch, and notes once it is committed. */
function progressRecorder(
  run: Pick<Run, 'target' | 'attempts' | 'tally' | 'options' | 'baseline' | 'facts' | 'resumeAfter'>,
) {
  const { target, attempts, tally } = run
  const { load } = run.baseline.plan
  const guard = guardColumns({ ...load.table, columns: load.columns })
  let recorded = -1
  let recordedAt = 0
  let isRecorded = false
  let reached = run.resumeAfter
  return {
    record: async (lastKey: string): Promise<void> => {
      isRecorded = written(tally) !== recorded || performance.now() - recordedAt > recordEvery
      if (lastKey.isWellFormed()) reached = lastKey
      if (!isRecorded) return
      guard.check(await recordProgress(target, handleOf(run), toRunRow(run, reached), guard.query))
      recorded = written(tally)
      recordedAt = performance.now()
    },
    committed: () => {
      attempts.hasProgressed ||= isRecorded
    },
  }
}

const written = ({ counts }: Pick<Tally, 'counts'>) =>
  counts.rowsInserted + counts.rowsUpdated + counts.rowsDeleted + counts.rowsRejected

/** Each batch is committed, and must not drop what another one has loaded: first, it has to be known which keys are one key to the target. */
async function withLateDrops(
  run: Parameters<typeof spelledSource>[0],
  context: LoadContext,
): Promise<LoadContext> {
  const { transform, rejects } = context
  if (!transform || !rejects.spellings) return context
  const late = await collapsingKeys(context, spelledSource(run), run.options)
  return { ...context, transform: { ...transform, late } }
}

/** Keys come in order, so that behind an empty table, or behind the last key of an earlier load, every row is new. */
async function canAppend(
  run: Pick<Run, 'target' | 'baseline' | 'resumeAfter' | 'options'>,
): Promise<boolean> {
  const { target, baseline, resumeAfter, options } = run
  const { load } = baseline.plan
  // What a column would change is seen in the stage.
  if (options.dryRun || load.lossy.length > 0) return false
  if (resumeAfter !== null && !isCountable(load)) return false
  return isEmptyWithin(target, load, { after: resumeAfter, to: null, reached: null })
}

/** A run that resumes another one reads only the rest, and the rows that were rejected may come before it. */
async function retryRejected(run: Run, context: LoadContext): Promise<void> {
  const { target, options, resumeAfter, rejectedBefore } = run
  if (resumeAfter === null || rejectedBefore.size === 0) return
  const query = compile(rowsOf(scopeOf(run), [...rejectedBefore]))
  const progress = progressRecorder(run)
  const policy = commitEachBatch(target, options, () => progress.record(resumeAfter))
  await loadBatches(context, readAhead(rowsByCursor(run).extract(query)), policy)
}
