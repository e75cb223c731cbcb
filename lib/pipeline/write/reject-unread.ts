import { rejectReasons, type RowError } from '../../postgres/driver/row-error.js'
import type { LoadPlan } from '../../postgres/target/load-plan.js'
import type { LoadContext } from './load-context.js'
import { newReject, recordRejected } from './rejects.js'

/** Rejects rows that are not read. */
export async function rejectUnread(
  context: LoadContext,
  keys: readonly string[],
  reason: RowError,
): Promise<void> {
  const rejects = keys.map((key) => newReject(context, { key, cells: undefined }, reason))
  if (rejects.length > 0) await recordRejected(context, rejects)
}

/** Why a row is rejected whose key is no text, so that no statement can name it. */
export function keyUnreadable({ key }: LoadPlan): RowError {
  return { sqlState: '22021', message: rejectReasons['22021'] ?? '', column: key }
}
