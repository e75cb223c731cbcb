import type { ResolvedOptions } from '../../options.js'
import { asTexts, cursorExtractor, readAhead } from '../../pipeline/read/batches.js'
import { findInSource, rowsOf } from '../../pipeline/read/queries.js'
import { loadWarnings, newTally } from '../../pipeline/tally.js'
import { commitAtEnd, loadBatches } from '../../pipeline/write/load-batches.js'
import { requirePlausibleDeletes } from '../../pipeline/write/soft-delete-missing.js'
import type { LoadContext } from '../../pipeline/write/load-context.js'
import { collapsedKey } from '../../pipeline/write/spellings.js'
import { keyUnreadable, rejectUnread } from '../../pipeline/write/rejects.js'
import { retryConflicts } from '../../pipeline/write/retry-conflicts.js'
import { compile } from '../../postgres/driver/statement.js'
import { isNameless } from '../../postgres/driver/texts.js'
import { setSavepoint } from '../../postgres/driver/transaction.js'
import { countLive, softDelete } from '../../postgres/target/deletes.js'
import { canCollapse, canSoftDelete, keyPosition } from '../../postgres/target/load-plan.js'
import { createStage } from '../../postgres/target/stage.js'
import type { Differences, Sides } from './compare.js'
import { removeDoubles } from './repair-doubles.js'

export interface Repair {
  readonly rowsRepaired: number
  /** Keys of the rows that the target rejected; they are in `etl_rejects` now. */
  readonly rejected: readonly string[]
}

interface RepairOptions extends Pick<
  ResolvedOptions,
  'pipeline' | 'batchSize' | 'batchBytes' | 'maxDeleteShare' | 'logger' | 'signal'
> {
  /** Keys of the rows that are rejected already. */
  readonly known: ReadonlySet<string>
}

/**
 * Reads the rows that differ once more, in the same snapshot, and loads those that the target accepts, in the open transaction of the target.
 * With a `sample` below 1, how many rows the source has in all is not known. Throws TOO_MANY_DELETES or SOURCE_EMPTY rather than believe
 * a source that looks wiped.
 */
export async function repairRows(
  sides: Sides,
  { doubles, ...found }: Differences & { readonly doubles: readonly string[] },
  sample: number,
  options: RepairOptions,
): Promise<Repair> {
  const { target, plan } = sides
  const { extra, rowsCompared } = found
  if (extra.length > 0) {
    const live = await countLive(target, plan.load)
    const sourceRows = sample < 1 ? null : rowsCompared
    const limits = { maxDeleteShare: options.maxDeleteShare, isUnexpectedSource: false }
    requirePlausibleDeletes({ missing: extra.length, live, sourceRows }, limits)
  }
  // First, as a row could not move where another one of its key is.
  const single = await removeDoubles(sides, doubles)
  // Then these, as they may hold what must be unique.
  if (canSoftDelete(plan.load)) await softDelete(target, plan.load, single.gone)
  const deleted = canSoftDelete(plan.load) ? await softDelete(target, plan.load, extra) : 0
  const { written, rejected } = await reload(sides, found, options)
  const others = { ...found, missing: [], stale: single.inSource, collapsed: new Set<string>() }
  const again = single.inSource.length > 0 ? await reload(sides, others, options) : undefined
  return {
    rowsRepaired: written + deleted + doubles.length,
    rejected: [...rejected, ...(again?.rejected ?? [])],
  }
}

async function reload(sides: Sides, found: Differences, { known, ...options }: RepairOptions) {
  const { source, target } = sides
  const plan = sides.plan.load
  const { collapsed } = found
  const all = [...found.missing, ...found.stale]
  // Whether a row may take the place of another spelling of its key, a run finds out.
  const nameless = all.filter((key) => isNameless(source.encoding(), key))
  const rejected = new Set((canCollapse(plan) ? all : nameless).filter((key) => known.has(key)))
  const keys = all.filter((key) => !rejected.has(key) && !collapsed.has(key) && !nameless.includes(key))
  const tally = newTally()
  const context: LoadContext = {
    ...{ target, plan, tally },
    dryRun: false,
    transform: undefined,
    rejects: {
      pipeline: options.pipeline,
      executionId: null,
      maxRejects: Infinity,
      keepContent: false,
      known: new Set(),
      onRejected: (key) => rejected.add(key),
      onRetried: (key) => rejected.delete(key),
    },
    skew: undefined,
    signal: options.signal,
  }
  const layout = { columns: plan.columns.length, keyAt: keyPosition(plan) }
  const limits = { maxRows: options.batchSize, maxBytes: options.batchBytes, onRead: () => undefined }
  const isNew = (key: string) => !rejected.has(key)
  const others = [...collapsed].filter((key) => found.missing.includes(key))
  await rejectUnread(context, others.filter(isNew), collapsedKey(plan))
  await rejectUnread(context, nameless.filter(isNew), keyUnreadable(plan))
  if (keys.length === 0) return { written: 0, rejected }
  const rows = (some: readonly string[]) =>
    cursorExtractor(source, layout, limits).extract(compile(rowsOf(sides, some)))
  // The transaction has been open since the comparison began, and keeps the finding as well.
  const policy = commitAtEnd(target, () => target.script([setSavepoint]))
  await loadBatches(context, readAhead(rows(keys)), policy)
  if (tally.rejected.inConflict.size > 0) {
    await retryConflicts(context, {
      rowsOf: (some) => asTexts(rows(some)),
      findInSource: (some) => findInSource(source, sides, some),
    })
  }
  for (const { code, message } of loadWarnings(tally, plan.table.name))
    options.logger?.warn(message, { code })
  const { rowsInserted, rowsUpdated, rowsDeleted } = tally.counts
  return { written: rowsInserted + rowsUpdated + rowsDeleted, rejected }
}

/** Creates the table through which rows are loaded; it has to exist before the transaction begins. */
export async function prepareRepair({ target, plan }: Pick<Sides, 'target' | 'plan'>): Promise<void> {
  await createStage(target, plan.load, { dryRun: false })
}
