import type { ConversationRow } from '../../chatwoot/row.js'
import { SyncError, hookFailed } from '../../domain/errors.js'
import type { BinaryRows } from '../../postgres/driver/binary-copy.js'
import { Unstorable } from '../../postgres/driver/cell-value.js'
import type { BufferPool } from '../../postgres/driver/cut-batches.js'
import { rowValues } from '../../postgres/driver/row-values.js'
import type { Cells } from '../../postgres/driver/session.js'
import { rowWriter, textRows } from '../../postgres/driver/text-rows.js'
import { keyPosition, type LoadPlan } from '../../postgres/target/load-plan.js'
import type { TextBatch } from '../read/text-batches.js'

/** The caller's option. */
export type Transform = (row: ConversationRow) => ConversationRow | null

/** The caller's option, and when the rows that it leaves out are dropped. */
export interface RowTransform {
  readonly call: Transform
  /** Where the rows that it returns are written. */
  readonly buffers: BufferPool
  /** Keys of those that are dropped at the end of the run, once it is known whether the key in the target is another row's, too. */
  readonly dropped: Set<string>
  /** Which keys these are; the others are dropped with their batch. */
  readonly late: ReadonlySet<string> | 'all'
}

export interface TransformedRows {
  readonly rows: readonly Cells[]
  /** Keys of the rows that were left out. */
  readonly dropped: readonly string[]
}

/**
 * Calls the caller's `transform` for each row. Throws HOOK_FAILED when it throws, changes the key of a row, or returns what is no row or
 * what no column can hold.
 */
export function transformRows(transform: Transform, plan: LoadPlan, rows: readonly Cells[]): TransformedRows {
  const change = cellsBy(transform, plan)
  const keyAt = keyPosition(plan)
  const kept: Cells[] = []
  const dropped: string[] = []
  for (const cells of rows) {
    const result = change(cells)
    if (result) kept.push(result)
    else dropped.push(cells[keyAt] ?? '')
  }
  return { rows: kept, dropped }
}

/** The same for rows whose values are the bytes of texts: of the values of more than one row, nothing else is in memory. */
export function transformTextRows({ call, buffers }: RowTransform, plan: LoadPlan, batch: BinaryRows) {
  const change = cellsBy(call, plan)
  const keyAt = keyPosition(plan)
  const writer = rowWriter(buffers)
  const dropped: string[] = []
  for (const row of textRows(batch)) {
    const result = change(row.cells)
    if (result) writer.add(result, row)
    else dropped.push(row.cells[keyAt] ?? '')
  }
  return { rows: { ...writer.rows(), isText: true }, dropped }
}

/** The keys that are dropped now; notes the others. */
export function withoutLate({ late, dropped }: RowTransform, keys: readonly string[]): readonly string[] {
  const isLate = (key: string) => late === 'all' || late.has(key)
  for (const key of keys) if (isLate(key)) dropped.add(key)
  return keys.filter((key) => !isLate(key))
}

/** Keys of the rows that the caller's `transform` leaves out. */
export async function keysLeftOut(
  transform: Transform,
  plan: LoadPlan,
  batches: AsyncIterable<TextBatch>,
): Promise<readonly string[]> {
  const found: string[] = []
  for await (const { rows } of batches) found.push(...transformRows(transform, plan, rows).dropped)
  return found
}

/** What `transform` makes of the cells of a row; null for one that it leaves out. */
function cellsBy(transform: Transform, plan: LoadPlan): (cells: Cells) => Cells | null {
  const values = rowValues<ConversationRow>(plan.columns, unstorable)
  const keyAt = keyPosition(plan)
  return (cells) => {
    const row = callHook(transform, values.toRow(cells))
    if (row === null) return null
    if (typeof row !== 'object' || row instanceof Promise || Array.isArray(row)) throw notARow(row)
    const result = values.toCells(row, cells)
    if (result[keyAt] !== cells[keyAt]) throw keyChanged(plan.key)
    return result
  }
}

function callHook(transform: Transform, row: ConversationRow): ConversationRow | null {
  try {
    return transform(row)
  } catch (cause) {
    throw hookFailed('transform', cause)
  }
}

function notARow(result: unknown): SyncError {
  const what = typeof result === 'object' ? result?.constructor.name : typeof result
  return new SyncError(
    'HOOK_FAILED',
    `The option transform returned ${what ?? 'nothing'}, which is no row.`,
    {
      remedy: 'Return the row, or null to leave it out; it is not awaited. Nothing of the batch was written.',
      details: { hook: 'transform' },
    },
  )
}

function unstorable(column: string, cause: unknown): SyncError {
  const what = cause instanceof Unstorable ? cause.message : 'a value that has no text'
  return new SyncError(
    'HOOK_FAILED',
    `The option transform returned ${what} for the column ${column}, which cannot be stored.`,
    {
      remedy:
        'Return a text, number, boolean, Date, Buffer, array or plain object; nothing of the batch was written.',
      details: { hook: 'transform', column },
      cause,
    },
  )
}

function keyChanged(key: string): SyncError {
  return new SyncError('HOOK_FAILED', `The option transform changed the ${key} of a row, which is its key.`, {
    remedy: 'Fix it; nothing of the batch was written.',
    details: { hook: 'transform' },
  })
}
