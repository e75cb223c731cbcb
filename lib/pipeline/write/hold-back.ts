import type { Cells } from '../../postgres/driver/session.js'
import { keyPosition, type LoadPlan } from '../../postgres/target/load-plan.js'

/** Which rows a run has to do with whose keys may be one key to the target. */
export interface Spellings {
  /** Keys of rows that an earlier run has rejected because of another spelling: they are held back until it is known whether that one exists. */
  readonly known: ReadonlySet<string>
  readonly held: Set<string>
  /** Keys of the other rows that were read; undefined for all of them. */
  readonly read: Set<string> | undefined
  /** Whether the target has all keys of the source, each as it is spelled, in its temporary table. */
  isCollected: boolean
}

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
