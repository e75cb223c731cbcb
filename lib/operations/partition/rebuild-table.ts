import { callHook } from '../../domain/errors.js'
import { setMonthsAhead, type Partitioning } from '../../postgres/control/partitionings.js'
import type { Session } from '../../postgres/driver/session.js'
import { copyNames, restMonth, type Shape } from '../../postgres/partition/copy-table.js'
import type { RebuiltTable } from '../../postgres/partition/rebuilt-table.js'
import type { ResolvedPartitionOptions } from './partition-options.js'
import type { PartitionReport } from './partition-report.js'
import { prepareRebuilding } from './prepare.js'
import { beginRebuilding, buildCopy, catchUp, stepOf } from './rebuild.js'
import type { LockBudget } from './retry-locked.js'
import { swapWhenQuiet } from './swap-when-quiet.js'

interface RebuildOptions extends Pick<
  ResolvedPartitionOptions,
  'dryRun' | 'monthsAhead' | 'pipeline' | 'onProgress'
> {
  readonly shape: Shape
  readonly known: Partitioning | undefined
  readonly budget: LockBudget
}

/** Months that are made beforehand where nobody says how many. */
const usualMonthsAhead = 3

/** Bytes a second, with indexes and comparison: a guess, as disks and processors differ. */
const usualRate = 25_000_000

/** Begins or continues, up to the exchange of the tables. */
export async function rebuildTable(
  target: Session,
  table: RebuiltTable,
  options: RebuildOptions,
): Promise<Pick<PartitionReport, 'action'> & Partial<PartitionReport>> {
  const { shape, known, budget, onProgress } = options
  const isBegun = known?.building === shape
  const monthsAhead = options.monthsAhead ?? known?.monthsAhead ?? usualMonthsAhead
  const rebuilding = await prepareRebuilding(target, table, { shape, monthsAhead, isBegun })
  const { facts, months } = rebuilding
  const hasDateChecks =
    shape === 'months' && (isBegun ? known.hasDateChecks : table.columns.hasDate && facts.datesApart === 0)
  const report = {
    action: shape === 'months' ? 'partitioned' : 'unpartitioned',
    months: shape === 'months' ? [...months.keys()].filter((month) => month !== restMonth).length : 0,
    ...{ rows: facts.rows, bytes: facts.bytes, hasDateChecks },
    before: `${table.schema}.${copyNames(table).before.name}`,
    estimatedSeconds: Math.ceil(facts.bytes / usualRate),
  } as const
  if (options.dryRun) return report
  if (!isBegun) {
    // What was noted of a table by month is needed by the one that follows it.
    const isTimeRequired = shape === 'months' ? table.columns.isTimeRequired : known?.isTimeRequired
    await beginRebuilding(target, rebuilding, { monthsAhead, hasDateChecks, isTimeRequired }, budget)
  }
  await buildCopy(target, rebuilding, {
    ...{ hasDateChecks, isContinued: isBegun, onProgress, budget },
  })
  callHook('onProgress', onProgress, stepOf(rebuilding, 'changes', 'all'))
  await catchUp(target, table, budget.signal)
  callHook('onProgress', onProgress, stepOf(rebuilding, 'swap', 'all'))
  const swapped = await swapWhenQuiet(target, rebuilding, options)
  // The commit of the swap did not wait for the disk; this one does.
  await setMonthsAhead(target, table, monthsAhead)
  return { ...report, ...swapped }
}
