import type { Cells } from '../../postgres/driver/session.js'
import type { LoadPlan } from '../../postgres/target/upsert.js'
import { keyPosition } from './chunk.js'
import type { Spellings } from './load-context.js'

/** The rows but for those that would overwrite the row of another spelling; notes both. */
export function withoutHeld(
  { known, held, read }: Spellings,
  plan: LoadPlan,
  rows: readonly Cells[],
): readonly Cells[] {
  const keyAt = keyPosition(plan)
  return rows.filter((row) => {
    const key = row[keyAt] ?? ''
    const isHeld = known.has(key)
    if (isHeld) held.add(key)
    else read?.add(key)
    return !isHeld
  })
}
