import { SyncError } from '../domain/errors.js'
import type { SyncReport } from '../domain/report.js'
import { closeRun, recordProgress } from '../postgres/control.js'
import { createStage, emptyStage, isEmptyBehind } from '../postgres/load.js'
import { beginWriting } from '../postgres/settings.js'
import type { Batch } from '../pipeline/batches.js'
import { holdTables } from '../pipeline/held-tables.js'
import { guardOf } from '../pipeline/schema-change.js'
import { isCountable } from '../postgres/column-types.js'
import { markWhatIsGone } from './deletes.js'
import { appendBatch, loadBatch } from './load-batch.js'
import { rowsBehind } from '../pipeline/queries.js'
import { readAcross } from './read-across.js'
import { readInBulk } from './reading.js'
import { progressOf, report, type Run } from './run.js'
import { throwIfStopped } from '../pipeline/stop.js'

/**
 * Reads all rows in order of their key, and commits each batch with the key it reached: a run that is killed goes on
 * from there. At the end, what was not found is marked deleted, and the run is closed, in one transaction.
 */
export async function readEverything(run: Run): Promise<SyncReport> {
  const { target, plan, options, executionId, course } = run
  let isAppending = await canAppend(run)
  await holdTables(run.source, plan)
  await createStage(target, plan.load)
  const guard = guardOf(plan, options)
  let reached = run.after
  let recorded = -1
  let recordedAt = 0
  for await (const batch of readAcross(run, (after) => readInBulk(run, rowsBehind(run, after)))) {
    throwIfStopped(options.signal)
    await target.script(beginWriting(options))
    isAppending = isAppending && (await tryAppend(run, batch))
    if (!isAppending) await loadBatch(run, batch)
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
  const closed = await closeRun(target, executionId, progressOf(run, reached), options.pipeline)
  await target.script(['commit'])
  return closed
}

/** Milliseconds after which the key is kept though nothing was written: to read equal rows again costs less than to note each batch. */
const recordEvery = 2000

const wrote = ({ tally }: Run) => tally.rowsInserted + tally.rowsUpdated + tally.rowsDeleted

/** Counts what `readEverything` would do, in a transaction that is rolled back. */
export async function rehearseEverything(run: Run): Promise<void> {
  const { target, plan, options } = run
  await holdTables(run.source, plan)
  await createStage(target, plan.load)
  await target.script(beginWriting(options))
  for await (const batch of readAcross(run, (after) => readInBulk(run, rowsBehind(run, after)))) {
    throwIfStopped(options.signal)
    await loadBatch(run, batch)
    await emptyStage(target)
    report(run, 'load', plan.estimatedRows)
  }
  await markWhatIsGone(run)
  await target.script(['rollback'])
}

/** Keys come in order, so that behind an empty table, or behind the last key of an earlier read, every row is new. */
async function canAppend({ target, plan, after }: Run): Promise<boolean> {
  return (after === null || isCountable(plan.load)) && isEmptyBehind(target, plan.load, after)
}

/** False, with a fresh transaction, when a key of the batch is in the table already, as another program writes to it. */
async function tryAppend(run: Run, batch: Batch): Promise<boolean> {
  try {
    await appendBatch(run, batch)
    return true
  } catch (error) {
    if (!(error instanceof SyncError) || error.details['sqlState'] !== '23505') throw error
    await run.target.script(['rollback', ...beginWriting(run.options)])
    return false
  }
}
