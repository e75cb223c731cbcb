import type { ConversationRow } from '../chatwoot/row.js'
import { SyncError } from '../domain/errors.js'
import { countDeletable, markDeleted, marksDeletes } from '../postgres/deletes.js'
import {
  appendRows,
  appendTuples,
  countStage,
  oldestMovedStamp,
  stageRows,
  stageTuples,
  upsertStage,
} from '../postgres/load.js'
import { rowValues, type RowValues } from '../postgres/row-values.js'
import type { Cells } from '../postgres/session.js'
import type { Batch } from '../pipeline/batches.js'
import { hookFailed } from './hook-failed.js'
import { measure, type Run } from './run.js'

/** Loads one batch in the transaction that is open, and counts it. The stage has to be empty, and is full afterwards. */
export async function loadBatch(run: Run, batch: Batch): Promise<void> {
  const { target, plan, tally, options } = run
  const { count, dropped, stage } = await prepared(run, batch)
  await measure(tally, 'load', async () => {
    if (count > 0) await stage()
    if (run.loadType === 'incremental') await measureMargin(run)
    const write = options.dryRun ? countStage : upsertStage
    const { inserted, updated } = count > 0 ? await write(target, plan.load) : { inserted: 0, updated: 0 }
    await dropKeys(run, dropped)
    const extracted = count + batch.repeated
    tally.rowsExtracted += extracted
    tally.rowsInserted += inserted
    tally.rowsUpdated += updated
    tally.rowsUnchanged += extracted - inserted - updated
    tally.keys += count
  })
}

/**
 * Puts a batch straight into the table, for a load behind everything that it holds, which costs half of the way through the stage.
 * Fails when somebody else has put one of the keys there meanwhile.
 */
export async function appendBatch(run: Run, batch: Batch): Promise<void> {
  const { tally } = run
  const { count, append } = await prepared(run, batch)
  await measure(tally, 'load', async () => {
    if (count > 0) await append()
  })
  tally.rowsExtracted += count + batch.repeated
  tally.rowsInserted += count
  tally.rowsUnchanged += batch.repeated
  tally.keys += count
}

interface Prepared {
  readonly count: number
  /** Keys of rows that `transform` left out. */
  readonly dropped: readonly string[]
  stage(): Promise<void>
  append(): Promise<void>
}

async function prepared(run: Run, batch: Batch): Promise<Prepared> {
  const { target, plan } = run
  if ('pieces' in batch) {
    const { copy } = target
    if (!copy) throw new TypeError('Binary rows need a target that can COPY.')
    return {
      count: batch.count,
      dropped: [],
      stage: () => stageTuples(copy, plan.load, batch),
      append: () => appendTuples(copy, plan.load, batch),
    }
  }
  const { rows, dropped } = await transformed(run, batch.rows)
  return {
    count: rows.length,
    dropped,
    stage: () => stageRows(target, plan.load, rows),
    append: () => appendRows(target, plan.load, rows),
  }
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
async function measureMargin({ target, plan, outlook, options, tally }: Run): Promise<void> {
  const oldest = await oldestMovedStamp(target, plan.load)
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
    return row === null ? null : values.toCells(row)
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
