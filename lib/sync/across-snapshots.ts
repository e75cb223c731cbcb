import { SyncError } from '../domain/errors.js'
import { isOtherSource, isSameServer } from '../domain/horizon.js'
import { askSource } from '../pipeline/prepare/baseline.js'
import { ahead, type Batch } from '../pipeline/read/batches.js'
import { holdTables } from '../pipeline/prepare/held-tables.js'
import { openSnapshot, otherServer } from '../pipeline/prepare/snapshot.js'
import { makePlan } from '../pipeline/prepare/plan.js'
import { schemaChanged } from '../pipeline/prepare/schema-change.js'
import { changesBetween } from '../pipeline/prepare/shape.js'
import { pause } from '../domain/abort.js'
import type { Run } from './run.js'

/**
 * The batches of a query that is ordered by its key and begins behind `after`. Once the snapshot is too old, it goes on under a new one
 * behind the last key. What changes behind that key meanwhile, moves there, or is deleted, has a stamp after the run's horizon, which
 * stays that of the first snapshot: the next run reads it; what is deleted shows when the keys are compared, under the last snapshot.
 */
export async function* readAcross<Read extends Batch>(
  run: Run,
  read: (after: string | null) => AsyncGenerator<Read>,
): AsyncGenerator<Read> {
  const pace = newPace(run)
  let reached = run.after
  while (true) {
    const from = reached
    const began = performance.now()
    let patience = patienceOf(run)
    let isLeft = false
    for await (const batch of ahead(paced(run, read(from), pace))) {
      const age = performance.now() - began
      // A view that thinks for long before its first row would do so again each time.
      if (reached === from) patience = Math.max(patience, 2 * age)
      yield batch
      reached = batch.lastKey
      isLeft = reached !== from && performance.now() - began >= patience
      if (isLeft) break
    }
    if (!isLeft) return
    await renewSnapshot(run)
  }
}

/** Milliseconds. A COPY is one statement however long it takes, so it has to end before the limit of statements. */
function patienceOf({ options, source }: Run): number {
  const { maxSnapshotSeconds, statementTimeout, extractor } = options
  const isOneStatement = source.copy !== undefined && extractor === 'copy' && statementTimeout > 0
  return Math.min(maxSnapshotSeconds * 1000, isOneStatement ? statementTimeout * 0.75 : Infinity)
}

/** Throws SCHEMA_CHANGED, SOURCE_IDENTITY_CHANGED or STANDBY_BEHIND where the source is no longer what the run began with. */
async function renewSnapshot(run: Run): Promise<void> {
  const { source, plan, options, outlook, tally, executionId } = run
  await source.renew()
  const { facts, probe } = await askSource(source, options)
  const { shapes } = makePlan(facts, plan.load.table, options)
  const changes = changesBetween(plan.shapes.source, shapes.source)
  if (changes.length > 0) throw schemaChanged('source', changes)
  if (outlook.horizon && isOtherSource(outlook.horizon, probe)) throw otherServer()
  if (!isSameServer(outlook.probe, probe)) throw otherServer()
  const { snapshot } = await openSnapshot(source, probe, options)
  if (snapshot.next < outlook.snapshot.next) throw behind()
  await holdTables(source, plan)
  tally.snapshots += 1
  options.logger.info('Went on under a new snapshot', { executionId, rowsExtracted: tally.rowsExtracted })
}

function behind(): SyncError {
  return new SyncError(
    'STANDBY_BEHIND',
    'The server that answers now is behind the one that the run began with.',
    {
      remedy: 'Wait until it has caught up, or read the primary.',
    },
  )
}

/** How many rows were read since when; undefined without a limit. */
type Pace = { readonly perSecond: number; readonly began: number; rows: number } | undefined

const newPace = ({ options: { maxRowsPerSecond } }: Run): Pace =>
  maxRowsPerSecond === undefined
    ? undefined
    : { perSecond: maxRowsPerSecond, began: performance.now(), rows: 0 }

/** Waits before it asks for more than the limit allows so far. */
async function* paced<Read extends Batch>(
  { options }: Run,
  batches: AsyncGenerator<Read>,
  pace: Pace,
): AsyncGenerator<Read> {
  if (!pace) {
    yield* batches
    return
  }
  for await (const batch of batches) {
    yield batch
    pace.rows += batch.repeated + ('pieces' in batch ? batch.count : batch.rows.length)
    const due = pace.began + (pace.rows * 1000) / pace.perSecond - performance.now()
    if (due > 0) await pause(due, options.signal)
  }
}
