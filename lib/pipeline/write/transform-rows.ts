import type { ConversationRow } from '../../chatwoot/row.js'
import { SyncError } from '../../domain/errors.js'
import { hookFailed } from '../../domain/hook-failed.js'
import { rowValues, type RowValues } from '../../postgres/driver/row-values.js'
import type { Cells } from '../../postgres/driver/session.js'
import type { LoadPlan } from '../../postgres/target/upsert.js'
import { keyPosition } from './chunk.js'

/** The caller's option. */
export type Transform = (row: ConversationRow) => ConversationRow | null

export interface TransformedRows {
  readonly rows: readonly Cells[]
  /** Keys of the rows that were left out. */
  readonly dropped: readonly string[]
}

/** Calls the caller's `transform` for each row. Throws HOOK_FAILED when it throws, or when it changes the key of a row. */
export function transformRows(transform: Transform, plan: LoadPlan, rows: readonly Cells[]): TransformedRows {
  const values = rowValues<ConversationRow>(plan.columns)
  const keyAt = keyPosition(plan)
  const kept: Cells[] = []
  const dropped: string[] = []
  for (const cells of rows) {
    const result = callTransform(transform, values, cells)
    if (result && result[keyAt] !== cells[keyAt]) throw keyChanged(plan.key)
    if (result) kept.push(result)
    else dropped.push(cells[keyAt] ?? '')
  }
  return { rows: kept, dropped }
}

function callTransform(transform: Transform, values: RowValues<ConversationRow>, cells: Cells): Cells | null {
  try {
    const row = transform(values.toRow(cells))
    return row === null ? null : values.toCells(row, cells)
  } catch (cause) {
    throw hookFailed('transform', cause)
  }
}

function keyChanged(key: string): SyncError {
  return new SyncError('HOOK_FAILED', `The option transform changed the ${key} of a row, which is its key.`, {
    remedy: 'Fix it; nothing of the batch was written.',
    details: { hook: 'transform' },
  })
}
