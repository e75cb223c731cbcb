import { throwIfAborted } from '../../domain/abort.js'
import { dropRejects } from '../../postgres/control/rejects.js'
import type { Cells } from '../../postgres/driver/session.js'
import { releaseSavepoint, setSavepoint } from '../../postgres/driver/transaction.js'
import { keyPosition } from '../../postgres/target/load-plan.js'
import { clearStage } from '../../postgres/target/stage.js'
import type { TextBatch } from '../read/text-batches.js'
import { loadBatch } from './load-batches.js'
import type { LoadContext } from './load-context.js'
import { takeBack, type FindInSource, type RejectRules } from './rejects.js'

/** How the source is asked once more, in the snapshot that is open, when nothing else is read. */
export interface SourceRows {
  readonly rowsOf: (keys: readonly string[]) => AsyncIterable<TextBatch>
  readonly findInSource: FindInSource
}

/** Characters that are loaded as one set, and so in memory, at most; more rows than that are several sets. */
const largestSet = 64_000_000

/**
 * Loads the rows once more, all together, that were rejected because of other rows: in their batch they did not see the rest of the run. To be
 * called in the last transaction, after what no longer exists was soft-deleted. Rows that pass are no longer counted, nor listed, as
 * rejected.
 */
export async function retryConflicts(context: LoadContext, source: SourceRows): Promise<void> {
  const { tally, dryRun, target, plan, signal } = context
  if (dryRun) return
  const keyAt = keyPosition(plan)
  const left = new Set(tally.rejected.inConflict.keys())
  while (left.size > 0) {
    throwIfAborted(signal)
    // Of a key that is spelled another way now, the source returns the row, too: it is loaded by its own spelling.
    const rows = (await readSet(source.rowsOf([...left]))).filter((row) => left.delete(row[keyAt] ?? ''))
    if (rows.length === 0) return
    await target.script([clearStage, setSavepoint])
    await retry(context, rows, source.findInSource)
    await target.script([releaseSavepoint, clearStage])
  }
}

/** Read to the end before it is loaded, as the source is asked about other keys then. */
async function readSet(batches: AsyncIterable<TextBatch>): Promise<readonly Cells[]> {
  const set: Cells[] = []
  let size = 0
  for await (const { rows } of batches) {
    set.push(...rows)
    for (const row of rows) for (const cell of row) size += cell?.length ?? 0
    if (size >= largestSet) break
  }
  return set
}

async function retry(
  context: LoadContext,
  rows: readonly Cells[],
  findInSource: FindInSource,
): Promise<void> {
  const { tally, plan, target } = context
  const keyAt = keyPosition(plan)
  const keys = rows.map((row) => row[keyAt] ?? '')
  const before = takeBack(context, keys)
  const rejected = new Set<string>()
  const rejects: RejectRules = {
    ...context.rejects,
    findInSource,
    isRecorded: (key) =>
      tally.rejected.inConflict.has(key) && tally.rejected.inConflict.get(key) === before.get(key),
    onRejected: (key) => {
      rejected.add(key)
      context.rejects.onRejected?.(key)
    },
  }
  await loadBatch({ ...context, rejects }, { rows, repeated: 0, lastKey: '' }, false)
  const passed = keys.filter((key) => !rejected.has(key))
  await dropRejects(target, rejects.pipeline, passed)
}
