import { setMonthsAhead, type Partitioning } from '../../postgres/control/partitionings.js'
import type { Session } from '../../postgres/driver/session.js'
import { onlyRow } from '../../postgres/driver/statement.js'
import { analyze, countMonths, readRowFacts } from '../../postgres/partition/copy-rows.js'
import { createMonth, monthsFromNow, restMonth } from '../../postgres/partition/copy-table.js'
import { readHolder } from '../../postgres/partition/holder.js'
import { beginBriefly } from '../../postgres/partition/limits.js'
import type { RebuiltTable } from '../../postgres/partition/rebuilt-table.js'
import { inTransaction } from './in-transaction.js'
import type { ResolvedPartitionOptions } from './partition-options.js'
import type { PartitionReport } from './partition-report.js'
import { retryLocked, type LockBudget } from './retry-locked.js'

interface AddOptions extends Pick<ResolvedPartitionOptions, 'dryRun' | 'monthsAhead'> {
  readonly known: Partitioning | undefined
  readonly budget: LockBudget
}

/**
 * Adds the months ahead, and those of which the default partition has rows, which move into them under a lock of that partition. Nothing is added to
 * a table that somebody else has partitioned, by hand or by pg_partman, as its months are theirs. Its statistics as a whole, which autovacuum
 * does not collect, are collected.
 */
export async function addMonths(
  target: Session,
  table: RebuiltTable,
  { known, budget, dryRun, monthsAhead = known?.monthsAhead ?? 0 }: AddOptions,
): Promise<Pick<PartitionReport, 'action'> & Partial<PartitionReport>> {
  const { rows, bytes } = await readRowFacts(target, table)
  const hasDateChecks = known?.hasDateChecks === true
  const before = known?.beforeName?.replaceAll('"', '') ?? null
  const report = { action: 'months-added', rows, bytes, hasDateChecks, before } as const
  const { isPartmans } = await readHolder(target, table)
  if (!known?.partitionedAt || isPartmans || dryRun) return report
  await setMonthsAhead(target, table, monthsAhead)
  const { stored } = table.place
  const inRest = stored.name === table.name ? [] : [...(await countMonths(target, stored)).keys()]
  const wanted = new Set([...inRest, ...monthsFromNow(monthsAhead)].filter((month) => month !== restMonth))
  let months = 0
  for (const month of [...wanted].sort()) {
    const created = await retryLocked(budget, () =>
      inTransaction(target, beginBriefly, async () =>
        onlyRow(await target.rows(createMonth(table, table, { month, hasDateChecks }))),
      ),
    )
    if (created.created) months += 1
  }
  await target.rows(analyze(table))
  return { ...report, months }
}
