import { rowErrorOf } from '../../postgres/driver/row-error.js'
import type { Session } from '../../postgres/driver/session.js'
import { backToSavepoint, releaseSavepoint, setSavepoint } from '../../postgres/driver/transaction.js'
import type { LoadPlan } from '../../postgres/target/load-plan.js'

type Add = (target: Session, plan: LoadPlan, keys: readonly string[]) => Promise<void>

/**
 * Adds keys to a temporary table but for those that the type of the target's column cannot hold: such a key is that of a rejected row, and
 * of no row in the target.
 */
export async function addApart(
  target: Session,
  plan: LoadPlan,
  keys: readonly string[],
  add: Add,
): Promise<void> {
  await target.script([setSavepoint])
  try {
    await add(target, plan, keys)
    await target.script([releaseSavepoint])
    return
  } catch (error) {
    if (!rowErrorOf(error, plan.columns)) throw error
    await target.script([backToSavepoint, releaseSavepoint])
  }
  if (keys.length === 1) return
  const middle = keys.length >> 1
  await addApart(target, plan, keys.slice(0, middle), add)
  await addApart(target, plan, keys.slice(middle), add)
}
