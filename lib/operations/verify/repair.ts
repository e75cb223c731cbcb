import { SyncError } from '../../domain/errors.js'
import { readBatches } from '../../pipeline/batches.js'
import { rowsOf } from '../../pipeline/queries.js'
import { throwIfStopped } from '../../pipeline/stop.js'
import type { ResolvedOptions } from '../../options.js'
import { countLive, markDeleted, marksDeletes } from '../../postgres/deletes.js'
import { clearStage, createStage, stageRows, upsertStage } from '../../postgres/load.js'
import { compile } from '../../postgres/statement.js'
import type { Differences, Sides } from './compare.js'

/**
 * Reads the rows that differ once more, as of the same snapshot, and loads them, in the transaction of the target that is open; gives
 * how many were mended. Throws TOO_MANY_DELETES or SOURCE_EMPTY rather than believe a source that looks wiped.
 */
export async function repairRows(
  sides: Sides,
  found: Differences,
  options: ResolvedOptions,
): Promise<number> {
  await refuseDoubtful(sides, found, options)
  const written = await reload(sides, [...found.missing, ...found.stale], options)
  const marked = marksDeletes(sides.plan.load)
    ? await markDeleted(sides.target, sides.plan.load, found.extra)
    : 0
  return written + marked
}

async function reload(sides: Sides, keys: readonly string[], options: ResolvedOptions): Promise<number> {
  if (keys.length === 0) return 0
  const { load } = sides.plan
  const { columns, key } = load
  const keyAt = columns.findIndex(({ name }) => name === key)
  const limits = { maxRows: options.batchSize, maxBytes: options.batchBytes, onRead: () => undefined }
  const query = compile(rowsOf(sides, keys))
  let written = 0
  for await (const batch of readBatches(sides.source, query, { columns: columns.length, keyAt, ...limits })) {
    throwIfStopped(options.signal)
    await stageRows(sides.target, load, batch.rows)
    const { inserted, updated } = await upsertStage(sides.target, load)
    await sides.target.script([clearStage])
    written += inserted + updated
  }
  return written
}

/** Makes the table through which rows are loaded; it has to exist before the transaction begins. */
export async function prepareRepair({ target, plan }: Sides): Promise<void> {
  await createStage(target, plan.load, { isRehearsal: false })
}

async function refuseDoubtful(
  { target, plan }: Sides,
  { extra, rowsCompared }: Differences,
  options: ResolvedOptions,
) {
  if (extra.length === 0) return
  const live = await countLive(target, plan.load)
  const share = extra.length / live
  if (share <= options.maxDeleteShare) return
  const details = { gone: extra.length, live, maxDeleteShare: options.maxDeleteShare }
  const code = rowsCompared === 0 ? 'SOURCE_EMPTY' : 'TOO_MANY_DELETES'
  throw new SyncError(
    code,
    `${extra.length} of ${live} rows are gone from the source; nothing was repaired.`,
    {
      remedy:
        'Check that the source is the right one. If it is meant, repair once with a larger maxDeleteShare.',
      details,
    },
  )
}
