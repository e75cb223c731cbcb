import { SyncError } from '../../domain/errors.js'
import { readBatches } from '../../pipeline/read/batches.js'
import { writeApart } from '../../pipeline/write/bisect.js'
import { portionOfRows, type Portion } from '../../pipeline/write/chunk.js'
import { rowsOf } from '../../pipeline/read/queries.js'
import { throwIfStopped } from '../../domain/abort.js'
import type { ResolvedOptions } from '../../options.js'
import { countLive, markDeleted, marksDeletes } from '../../postgres/target/deletes.js'
import { clearStage, createStage, upsertStage } from '../../postgres/target/upsert.js'
import type { Refusal } from '../../postgres/target/row-errors.js'
import { recordRejects, type Reject } from '../../postgres/control/rejects.js'
import { moveSavepoint, setSavepoint } from '../../postgres/driver/savepoint.js'
import { compile } from '../../postgres/driver/statement.js'
import type { Differences, Sides } from './compare.js'

/** What became of the rows that differed. */
export interface Repair {
  readonly rowsRepaired: number
  /** Keys of the rows that the target refused; they stand in `etl_rejects` now. */
  readonly refused: readonly string[]
}

/**
 * Reads the rows that differ once more, as of the same snapshot, and loads those that the target takes, in the transaction of the target
 * that is open. Throws TOO_MANY_DELETES or SOURCE_EMPTY rather than believe a source that looks wiped.
 */
export async function repairRows(
  sides: Sides,
  found: Differences,
  options: ResolvedOptions,
): Promise<Repair> {
  await refuseDoubtful(sides, found, options)
  const { written, refused } = await reload(sides, [...found.missing, ...found.stale], options)
  const marked = marksDeletes(sides.plan.load)
    ? await markDeleted(sides.target, sides.plan.load, found.extra)
    : 0
  return { rowsRepaired: written + marked, refused }
}

async function reload(sides: Sides, keys: readonly string[], options: ResolvedOptions) {
  const refused: string[] = []
  if (keys.length === 0) return { written: 0, refused }
  const { target, plan } = sides
  const { load } = plan
  const { columns, key } = load
  const keyAt = columns.findIndex(({ name }) => name === key)
  const limits = { maxRows: options.batchSize, maxBytes: options.batchBytes, onRead: () => undefined }
  const query = compile(rowsOf(sides, keys))
  let written = 0
  await target.script([setSavepoint])
  for await (const batch of readBatches(sides.source, query, { columns: columns.length, keyAt, ...limits })) {
    throwIfStopped(options.signal)
    const rejects: Reject[] = []
    const writing = {
      target,
      plan: load,
      write: async (part: Portion) => {
        await part.stage(target, load)
        const { inserted, updated } = await upsertStage(target, load)
        written += inserted + updated
      },
      refuse: (part: Portion, refusal: Refusal) => {
        rejects.push({ ...refusal, key: part.key(), data: null })
      },
    }
    await writeApart(writing, portionOfRows(batch.rows, keyAt))
    if (rejects.length > 0)
      await recordRejects(target, { pipeline: options.pipeline, executionId: null }, rejects)
    await target.script([clearStage, ...moveSavepoint])
    refused.push(...rejects.map((reject) => reject.key))
  }
  return { written, refused }
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
