import { rowErrorOf } from '../../postgres/driver/row-error.js'
import { backToSavepoint, releaseSavepoint, setSavepoint } from '../../postgres/driver/transaction.js'
import { countSoftDeletable, softDelete } from '../../postgres/target/deletes.js'
import {
  canCollapse,
  canSoftDelete,
  equality,
  isCountable,
  keyColumnOf,
} from '../../postgres/target/load-plan.js'
import type { LoadContext } from './load-context.js'

type Dropping = Pick<LoadContext, 'target' | 'plan' | 'dryRun' | 'tally'>

/**
 * Soft-deletes rows that the source no longer has, or that `transform` left out. A key that the column cannot hold is that of a row that was
 * rejected, and of none in the target.
 */
export async function dropKeys(context: Dropping, keys: readonly string[]): Promise<void> {
  if (!canSoftDelete(context.plan)) return
  const { tally, plan } = context
  if (isCountable(plan) && !canCollapse(plan))
    tally.counts.rowsDeleted += await drop(context, keys.filter(isWhole))
  else if (equality(keyColumnOf(plan).definition) === 'text')
    tally.counts.rowsDeleted += await drop(context, keys)
  else tally.counts.rowsDeleted += await dropApart(context, keys)
}

/** A number of 64 bits, as PostgreSQL writes all whole numbers. */
function isWhole(key: string): boolean {
  return /^-?\d{1,19}$/.test(key) && BigInt.asIntN(64, BigInt(key)) === BigInt(key)
}

async function drop({ target, plan, dryRun }: Dropping, keys: readonly string[]): Promise<number> {
  return (dryRun ? countSoftDeletable : softDelete)(target, plan, keys)
}

async function dropApart(context: Dropping, keys: readonly string[]): Promise<number> {
  const { target, plan } = context
  await target.script([setSavepoint])
  try {
    const dropped = await drop(context, keys)
    await target.script([releaseSavepoint])
    return dropped
  } catch (error) {
    if (!rowErrorOf(error, plan.columns)) throw error
    await target.script([backToSavepoint, releaseSavepoint])
  }
  if (keys.length === 1) return 0
  const middle = keys.length >> 1
  return (await dropApart(context, keys.slice(0, middle))) + (await dropApart(context, keys.slice(middle)))
}
