import type { SyncReport } from '../domain/report.js'
import { closeRun, recordProgress } from '../postgres/control/runs.js'
import { clearStage, createStage, isEmptyBehind } from '../postgres/target/upsert.js'
import { moveSavepoint, setSavepoint } from '../postgres/driver/savepoint.js'
import { beginWriting } from '../postgres/driver/transaction.js'
import { ahead } from '../pipeline/read/batches.js'
import { holdTables } from '../pipeline/prepare/held-tables.js'
import { guardOf } from '../pipeline/prepare/schema-change.js'
import { isCountable } from '../postgres/driver/column-types.js'
import { markWhatIsGone } from './deletes.js'
import { loadBatch } from './load-batch.js'
import { rowsBehind, rowsOf } from '../pipeline/read/queries.js'
import { readAcross } from './across-snapshots.js'
import { readInBulk, readRows } from './reading.js'
import { settleRejects } from './rejects.js'
import { progressOf, report, type Run } from './run.js'
import { throwIfStopped } from '../domain/abort.js'

/**
 * Reads all rows in order of their key, and commits each batch with the key it reached: a run that is killed goes on
 * from there. At the end, what was not found is marked deleted, and the run is closed, in one transaction.
 */
export async function readEverything(run: Run): Promise<SyncReport> {
  const { target, plan, options, executionId, course } = run
  await holdTables(run.source, plan)
  await createStage(target, plan.load, { isRehearsal: false })
  await retryRejected(run)
  let isAppending = await canAppend(run)
  const guard = guardOf(plan, options)
  let reached = run.after
  let recorded = -1
  let recordedAt = 0
  for await (const batch of readAcross(run, (after) => readInBulk(run, rowsBehind(run, after)))) {
    throwIfStopped(options.signal)
    await target.script([...beginWriting(options), setSavepoint])
    isAppending = await loadBatch(run, batch, isAppending)
    reached = batch.lastKey
    const isRecorded = wrote(run) !== recorded || performance.now() - recordedAt > recordEvery
    if (isRecorded) {
      guard.check(await recordProgress(target, executionId, progressOf(run, reached), guard.query))
      recorded = wrote(run)
      recordedAt = performance.now()
    }
    await target.script(['commit'])
    course.hasProgressed ||= isRecorded
    report(run, 'load', plan.estimatedRows)
  }
  throwIfStopped(options.signal)
  await target.script(beginWriting(options))
  await markWhatIsGone(run)
  await settleRejects(run)
  const closed = await closeRun(target, executionId, progressOf(run, reached), options.pipeline)
  await target.script(['commit'])
  return closed
}

/** Milliseconds after which the key is kept though nothing was written: to read equal rows again costs less than to note each batch. */
const recordEvery = 2000

const wrote = ({ tally }: Run) =>
  tally.rowsInserted + tally.rowsUpdated + tally.rowsDeleted + tally.rowsRejected

/** Counts what `readEverything` would do, in a transaction that is rolled back. */
export async function rehearseEverything(run: Run): Promise<void> {
  const { target, plan, options } = run
  await holdTables(run.source, plan)
  await createStage(target, plan.load, { isRehearsal: true })
  await target.script([...beginWriting(options), setSavepoint])
  for await (const batch of readAcross(run, (after) => readInBulk(run, rowsBehind(run, after)))) {
    throwIfStopped(options.signal)
    await loadBatch(run, batch)
    await target.script([clearStage, ...moveSavepoint])
    report(run, 'load', plan.estimatedRows)
  }
  await markWhatIsGone(run)
  await settleRejects(run)
  await target.script(['rollback'])
}

/** Keys come in order, so that behind an empty table, or behind the last key of an earlier read, every row is new. */
async function canAppend({ target, plan, after }: Run): Promise<boolean> {
  return (after === null || isCountable(plan.load)) && isEmptyBehind(target, plan.load, after)
}

/** A run that goes on from another one reads only the rest, and the rows that were rejected may lie before it. */
async function retryRejected(run: Run): Promise<void> {
  const { target, plan, after, rejectedBefore, options, executionId } = run
  if (after === null || rejectedBefore.size === 0) return
  const guard = guardOf(plan, options)
  for await (const batch of ahead(readRows(run, rowsOf(run, [...rejectedBefore])))) {
    throwIfStopped(options.signal)
    await target.script([...beginWriting(options), setSavepoint])
    await loadBatch(run, batch)
    guard.check(await recordProgress(target, executionId, progressOf(run, after), guard.query))
    await target.script(['commit'])
  }
}
