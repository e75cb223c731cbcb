import type { ConversationRow } from '../chatwoot/row.js'
import { SyncError } from '../domain/errors.js'
import { binaryKeyType } from '../postgres/driver/column-types.js'
import { countDeletable, markDeleted, marksDeletes } from '../postgres/target/deletes.js'
import { countStage, oldestMovedStamp, upsertStage } from '../postgres/target/upsert.js'
import { refusalOf } from '../postgres/target/row-errors.js'
import type { Reject } from '../postgres/control/rejects.js'
import { rowValues, type RowValues } from '../postgres/driver/row-values.js'
import { backToSavepoint } from '../postgres/driver/savepoint.js'
import type { Cells } from '../postgres/driver/session.js'
import type { Batch } from '../pipeline/read/batches.js'
import { hookFailed } from '../domain/hook-failed.js'
import { writeApart, type Writing } from '../pipeline/write/bisect.js'
import { portionOfRows, portionOfTuples, type Portion } from '../pipeline/write/chunk.js'
import { keepRejects, rejectRow } from './rejects.js'
import { measure, type Run } from './run.js'

/**
 * Loads one batch in the transaction that is open, and counts it; rows that the target refuses are left out and noted. The stage has to be
 * empty, and the savepoint to stand here. With `isAppending` the rows go straight into the table, which costs half of the way through the
 * stage, and which works behind everything that the table holds; gives whether that may go on.
 */
export async function loadBatch(run: Run, batch: Batch, isAppending = false): Promise<boolean> {
  const { tally } = run
  const { portion, dropped } = await prepared(run, batch)
  return measure(tally, 'load', async () => {
    const isAppended = isAppending && (await tryAppend(run, portion))
    const { inserted, updated, rejected } = isAppended
      ? { inserted: portion.count, updated: 0, rejected: 0 }
      : await writeThroughStage(run, portion)
    await dropKeys(run, dropped)
    const extracted = portion.count + batch.repeated
    tally.rowsExtracted += extracted
    tally.rowsInserted += inserted
    tally.rowsUpdated += updated
    tally.rowsUnchanged += extracted - inserted - updated - rejected
    tally.keys += portion.count
    // Without a rejected row, what stood in the way was a key that is there already, as another program writes to the table.
    return isAppended || (isAppending && rejected > 0)
  })
}

/** False when the target refuses a row, or holds the key of one already; then nothing is written. */
async function tryAppend({ target, plan }: Run, portion: Portion): Promise<boolean> {
  try {
    if (portion.count > 0) await portion.append(target, plan.load)
    return true
  } catch (error) {
    if (!refusalOf(error, plan.load.columns)) throw error
    await target.script([backToSavepoint])
    return false
  }
}

async function writeThroughStage(run: Run, portion: Portion) {
  const { target, plan, options } = run
  const written = { inserted: 0, updated: 0 }
  const rejects: Reject[] = []
  const writing: Writing = {
    target,
    plan: plan.load,
    write: async (part) => {
      await part.stage(target, plan.load)
      if (run.loadType === 'incremental') await measureMargin(run)
      const { inserted, updated } = await (options.dryRun ? countStage : upsertStage)(target, plan.load)
      written.inserted += inserted
      written.updated += updated
    },
    refuse: (part, refusal) => {
      rejects.push(rejectRow(run, part, refusal))
    },
  }
  if (portion.count > 0) await writeApart(writing, portion)
  await keepRejects(run, rejects)
  return { ...written, rejected: rejects.length }
}

interface Prepared {
  readonly portion: Portion
  /** Keys of rows that `transform` left out. */
  readonly dropped: readonly string[]
}

async function prepared(run: Run, batch: Batch): Promise<Prepared> {
  const { load } = run.plan
  const keyAt = load.columns.findIndex(({ name }) => name === load.key)
  if ('pieces' in batch) {
    return { portion: portionOfTuples(batch, keyAt, binaryKeyType(load) ?? 'text'), dropped: [] }
  }
  const { rows, dropped } = await transformed(run, batch.rows)
  return { portion: portionOfRows(rows, keyAt), dropped }
}

/** Marks rows as deleted that the source no longer has, or that `transform` left out. */
export async function dropKeys(
  { target, plan, options, tally }: Run,
  keys: readonly string[],
): Promise<void> {
  if (keys.length === 0 || !marksDeletes(plan.load)) return
  const drop = options.dryRun ? countDeletable : markDeleted
  tally.rowsDeleted += await drop(target, plan.load, keys)
}

/** How far behind the horizon without its allowance a row lies that was not known yet: that much of the allowance was needed. */
async function measureMargin({ target, plan, outlook, options, tally, rejectedBefore }: Run): Promise<void> {
  const oldest = await oldestMovedStamp(target, plan.load, [...rejectedBefore])
  if (oldest === null || outlook.low === undefined) return
  const used = outlook.low + options.skewAllowance * 1000 - oldest
  tally.marginUsed = Math.max(tally.marginUsed ?? 0, used)
}

interface Transformed {
  readonly rows: readonly Cells[]
  /** Keys of the rows that were left out. */
  readonly dropped: readonly string[]
}

async function transformed({ options, plan, tally }: Run, rows: readonly Cells[]): Promise<Transformed> {
  const { transform } = options
  if (!transform) return { rows, dropped: [] }
  return measure(tally, 'transform', async () => {
    const values = rowValues<ConversationRow>(plan.load.columns)
    const keyAt = plan.load.columns.findIndex(({ name }) => name === plan.load.key)
    const kept: Cells[] = []
    const dropped: string[] = []
    for (const cells of rows) {
      const result = callTransform(transform, values, cells)
      if (result && result[keyAt] !== cells[keyAt]) throw keyChanged(plan.load.key)
      if (result) kept.push(result)
      else dropped.push(cells[keyAt] ?? '')
    }
    return { rows: kept, dropped }
  })
}

function callTransform(
  transform: NonNullable<Run['options']['transform']>,
  values: RowValues<ConversationRow>,
  cells: Cells,
): Cells | null {
  try {
    const row = transform(values.toRow(cells))
    return row === null ? null : values.toCells(row, cells)
  } catch (cause) {
    throw hookFailed('transform', cause)
  }
}

function keyChanged(key: string): SyncError {
  return new SyncError('HOOK_FAILED', `The option transform gave a row another ${key}, which is the key.`, {
    remedy: 'Mend it; nothing of the batch was written.',
    details: { hook: 'transform' },
  })
}
