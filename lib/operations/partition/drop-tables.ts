import { SyncError } from '../../domain/errors.js'
import { recordCancelled, recordDropped, type Partitioning } from '../../postgres/control/partitionings.js'
import { nameParts, type TableName } from '../../postgres/driver/search-path.js'
import type { Session } from '../../postgres/driver/session.js'
import { dropLogTriggers } from '../../postgres/partition/change-log.js'
import { copyNames, dropTable } from '../../postgres/partition/copy-table.js'
import { beginBriefly, beginSwapping } from '../../postgres/partition/limits.js'
import { inTransaction } from './in-transaction.js'
import type { PartitionReport } from './partition-report.js'
import { retryLocked, type LockBudget } from './retry-locked.js'

type Done = Pick<PartitionReport, 'action'>

/** Drops what was built, and the triggers with it; the table stays as it is. */
export async function cancelRebuilding(
  target: Session,
  table: TableName,
  known: Partitioning | undefined,
  budget: LockBudget,
): Promise<Done> {
  if (!known?.building) return { action: 'cancelled' }
  await retryLocked(budget, () =>
    inTransaction(target, beginSwapping, async () => {
      await target.together(dropLogTriggers(table))
    }),
  )
  await retryLocked(budget, () =>
    inTransaction(target, beginBriefly, async () => {
      await target.rows(dropTable(copyNames(table).copy))
      await recordCancelled(target, table)
    }),
  )
  return { action: 'cancelled' }
}

/** Drops the table of before. Throws CONFIG_INVALID where there is none, or none of this name. */
export async function dropBefore(
  target: Session,
  table: TableName,
  {
    known,
    named,
    budget,
  }: { readonly known: Partitioning | undefined; readonly named: string; readonly budget: LockBudget },
): Promise<Done> {
  const { before } = copyNames(table)
  const [name, schema = before.schema, ...others] = nameParts(named)?.toReversed() ?? []
  const isNamed = name === before.name && schema === before.schema && others.length === 0
  if (!known?.beforeName || !isNamed) {
    const message = known?.beforeName
      ? `The table of before is ${before.name}, and not ${named}.`
      : `There is no table of before beside ${table.name}.`
    throw new SyncError('CONFIG_INVALID', message, {
      remedy: known?.beforeName ? `Name it: --drop-before ${before.name}` : 'There is nothing to drop.',
    })
  }
  await retryLocked(budget, () =>
    inTransaction(target, beginBriefly, async () => {
      await target.rows(dropTable(before))
      await recordDropped(target, table)
    }),
  )
  return { action: 'before-dropped' }
}
