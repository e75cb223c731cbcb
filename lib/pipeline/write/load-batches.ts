import { throwIfAborted } from '../../domain/abort.js'
import {
  isAboutOtherRows,
  isAboutStatement,
  isNotAppendable,
  leftOut,
  rowError,
  rowErrorOf,
  valueChanged,
  type RowError,
} from '../../postgres/driver/row-error.js'
import type { Session } from '../../postgres/driver/session.js'
import { allCells } from '../../postgres/driver/text-rows.js'
import { backToSavepoint, moveSavepoint } from '../../postgres/driver/transaction.js'
import { takeChanged, type ChangedRow } from '../../postgres/target/lossy-columns.js'
import { chunkOfBinary, chunkOfRows, clearStage, type Chunk } from '../../postgres/target/stage.js'
import {
  countStage,
  differingKeys,
  oldestMovedStamp,
  upsertStage,
  type Written,
} from '../../postgres/target/upsert.js'
import { isWire, type Batch } from '../read/batches.js'
import { measure } from '../tally.js'
import { dropKeys } from './drop-keys.js'
import type { LoadContext } from './load-context.js'
import { KeyRespelled, reasonOf, writeTogether } from './load-together.js'
import { newReject, recordRejected, withoutHeld, type Rejected } from './rejects.js'
import { transformRows, transformTextRows, withoutLate, type TransformedRows } from './transform-rows.js'

/** When what was loaded becomes permanent. */
export interface CommitPolicy {
  /**
   * Before each batch: a transaction is open afterwards, the savepoint set, and the stage empty. Of one transaction for all batches it may be
   * called again before the batch ends, and does nothing then.
   */
  begin(): Promise<void>
  /** After each batch, with the last key in it. */
  end(lastKey: string): Promise<void>
  /** Before what comes after the last batch: a transaction is open afterwards. */
  beginLast(): Promise<void>
  /** Ends the last transaction. */
  endLast(): Promise<void>
}

/** One transaction for all batches, which `open` begins with the savepoint set: after a failure everything is as before. */
export function commitAtEnd(target: Session, open: () => Promise<void>): CommitPolicy {
  return oneTransaction(target, open, 'commit')
}

/** The same, rolled back at the end: a dry run. */
export function neverCommit(target: Session, open: () => Promise<void>): CommitPolicy {
  return oneTransaction(target, open, 'rollback')
}

function oneTransaction(
  target: Session,
  open: () => Promise<void>,
  ending: 'commit' | 'rollback',
): CommitPolicy {
  let opening: Promise<void> | undefined
  let beginning: Promise<void> | undefined
  const openOnce = () => (opening ??= open())
  const clear = () => target.script([clearStage, ...moveSavepoint])
  return {
    begin: () => (beginning ??= opening ? clear() : openOnce()),
    end: async () => {
      beginning = undefined
    },
    beginLast: openOnce,
    endLast: () => target.script([ending]),
  }
}

/** How a caller follows the batches. */
export interface LoadSteps {
  /** Before a batch is loaded. */
  readonly onBatch?: (batch: Batch) => void
  /** After it, committed or not as the policy says. */
  readonly onLoaded?: () => void
  /** The rows come after everything that the table holds, and may be appended to it without the stage, which halves the cost. */
  readonly canAppend?: boolean
}

/**
 * Loads batches one after the other, in transactions as the policy says, and counts the rows; those that the target rejects are left out
 * and recorded. The stage has to exist. Throws ABORTED between two batches.
 */
export async function loadBatches(
  context: LoadContext,
  batches: AsyncIterable<Batch>,
  policy: CommitPolicy,
  { onBatch, onLoaded, canAppend = false }: LoadSteps = {},
): Promise<void> {
  let isAppending = canAppend && !context.dryRun
  for await (const batch of batches) {
    throwIfAborted(context.signal)
    onBatch?.(batch)
    await policy.begin()
    isAppending = await loadBatch(context, batch, isAppending)
    await policy.end(batch.lastKey)
    onLoaded?.()
  }
}

/** Loads one batch in the open transaction, with the savepoint set before it, and releases it; whether the next one may be appended. */
export async function loadBatch(context: LoadContext, batch: Batch, isAppending: boolean): Promise<boolean> {
  const { tally, plan } = context
  const { chunk, dropped, release } = await toChunk(context, batch)
  const canAppend = await measure(tally, 'load', async () => {
    // A trigger may leave rows out, which only the stage shows.
    const isAppended = isAppending && !plan.table.writing.hasTriggers && (await tryAppend(context, chunk))
    const { inserted, updated, rejected, key } = isAppended
      ? { inserted: chunk.count, updated: 0, rejected: 0, key: batch.lastKey }
      : await loadThroughStage(context, chunk)
    tally.lastWritten = key ?? tally.lastWritten
    if (dropped.length > 0) await dropKeys(context, dropped)
    const extracted = chunk.count + batch.repeated
    tally.counts.rowsExtracted += extracted
    tally.counts.rowsInserted += inserted
    tally.counts.rowsUpdated += updated
    tally.counts.rowsUnchanged += extracted - inserted - updated - rejected
    tally.keys += chunk.count
    // Without a rejected row, what prevented it was a key that exists already, as another program writes to the table.
    return isAppended || (isAppending && rejected > 0)
  })
  release?.()
  if ('release' in batch) batch.release()
  return canAppend
}

interface Prepared {
  readonly chunk: Chunk
  /** Keys of rows that are left out. */
  readonly dropped: readonly string[]
  readonly release?: () => void
}

async function toChunk(context: LoadContext, batch: Batch): Promise<Prepared> {
  const { plan, transform, tally, rejects, target } = context
  const { spellings } = rejects
  if ('pieces' in batch && !isWire(batch)) return { chunk: chunkOfBinary(plan, batch), dropped: [] }
  if (isWire(batch) && !spellings && target.copy) {
    if (!transform) return { chunk: chunkOfBinary(plan, batch), dropped: [] }
    const { rows, dropped } = await measure(tally, 'transform', async () =>
      transformTextRows(transform, plan, batch),
    )
    const { release } = rows
    return { chunk: chunkOfBinary(plan, rows), dropped: withoutLate(transform, dropped), release }
  }
  const all = isWire(batch) ? allCells(batch) : batch.rows
  const read = spellings ? withoutHeld(spellings, plan, all) : all
  if (!transform) return { chunk: chunkOfRows(plan, read), dropped: [] }
  const { rows, dropped }: TransformedRows = await measure(tally, 'transform', async () =>
    transformRows(transform.call, plan, read),
  )
  return { chunk: chunkOfRows(plan, rows), dropped: withoutLate(transform, dropped) }
}

/** False when the target rejects a row, or has the key of one already; then nothing is written. */
async function tryAppend({ target, plan }: LoadContext, chunk: Chunk): Promise<boolean> {
  try {
    if (chunk.count > 0) await chunk.put(target, 'table')
    return true
  } catch (error) {
    if (!rowErrorOf(error, plan.columns) && !isNotAppendable(error)) throw error
    await target.script([backToSavepoint])
    return false
  }
}

/** What became of the rows of a chunk; the others were equal already. */
interface Outcome {
  inserted: number
  updated: number
  /** Key of a row that was written last. */
  key: string | null
  readonly rejected: Rejected[]
}

/** Loads a chunk through the stage, which is empty, in the open transaction, with the savepoint set right before it. */
async function loadThroughStage(context: LoadContext, chunk: Chunk) {
  const outcome: Outcome = { inserted: 0, updated: 0, key: null, rejected: [] }
  if (chunk.count > 0) await bisect(context, chunk, outcome)
  const { inserted, updated, key, rejected } = outcome
  if (rejected.length > 0) await recordRejected(context, rejected)
  return { inserted, updated, key, rejected: rejected.length }
}

/**
 * When the target rejects a row of the chunk, everything but the rejected rows is written: it returns to the savepoint and tries each half by
 * itself. A failure that is not about a row is thrown. For k rejected rows among n it takes about k log n tries, and no memory but that of
 * the chunk. Rows that are in each other's way are written together, and found by what the indexes say, not by trying.
 * Returns whether the last try wrote something, which the stage then holds; else the stage is empty.
 */
async function bisect(context: LoadContext, chunk: Chunk, outcome: Outcome): Promise<boolean> {
  const { target, plan, dryRun } = context
  try {
    await loadPlainly(context, chunk, outcome)
    return true
  } catch (error) {
    const reason = reasonOf(error, plan)
    if (!reason) throw error
    await target.script([backToSavepoint])
    const isTogether = !dryRun && isAboutOtherRows(reason.sqlState)
    if (isTogether && (await tryTogether(context, chunk, outcome))) return true
    if (chunk.count === 1) {
      reject(context, outcome, chunk, { key: chunk.key(), reason })
      return false
    }
  }
  let isWritten = false
  for (const half of chunk.halves()) {
    if (isWritten) await target.script([clearStage, ...moveSavepoint])
    isWritten = await bisect(context, half, outcome)
  }
  return isWritten
}

/** Puts the chunk into the stage, and returns its rows of which the table would hold another value; they are no longer in it. */
async function stage(context: LoadContext, chunk: Chunk): Promise<readonly ChangedRow[]> {
  const { target, plan } = context
  await chunk.put(target, 'stage')
  const changed = plan.lossy.length > 0 ? await takeChanged(target, plan) : []
  await measureSkew(context)
  return changed
}

async function loadPlainly(context: LoadContext, chunk: Chunk, outcome: Outcome): Promise<void> {
  const { target, plan, dryRun } = context
  const changed = await stage(context, chunk)
  const written = await (dryRun ? countStage : upsertStage)(target, plan)
  if (written.respelled > 0) throw new KeyRespelled()
  await note(context, chunk, written, outcome)
  for (const row of changed) reject(context, outcome, chunk, rejectionOf(chunk, row))
}

/** False when the target rejects a row of it for itself, or cannot compare rows as its indexes do. */
async function tryTogether(context: LoadContext, chunk: Chunk, outcome: Outcome): Promise<boolean> {
  const { target, plan } = context
  try {
    const changed = await stage(context, chunk)
    const { written, rejected, released } = await writeTogether(context)
    // The target writes the key another way than the source, so that its rows are known one by one only.
    if (!rejected.every(({ key }) => chunk.has(key))) throw new KeyRespelled()
    for (const each of rejected) reject(context, outcome, chunk, each)
    for (const row of changed) reject(context, outcome, chunk, rejectionOf(chunk, row))
    await note(context, chunk, written, outcome)
    context.tally.sideEffects.released.push(...released)
    return true
  } catch (error) {
    if (!reasonOf(error, plan) && !isAboutStatement(error)) throw error
    await target.script([backToSavepoint])
    return false
  }
}

/** The server would have taken the value, so it has no error of its own for it. */
function rejectionOf(chunk: Chunk, { place, column }: ChangedRow) {
  return { key: chunk.keyAt(place), reason: rowError(valueChanged, column) }
}

function reject(
  context: LoadContext,
  { rejected }: Outcome,
  chunk: Chunk,
  { key, reason }: { readonly key: string; readonly reason: RowError },
): void {
  rejected.push(newReject(context, { key, cells: chunk.cells(key) }, reason))
}

/** Adds what was written. A row that a trigger has left out is rejected, as it would else be lost without a word. */
async function note(context: LoadContext, chunk: Chunk, written: Written, outcome: Outcome): Promise<void> {
  const { target, plan, tally, dryRun } = context
  if (plan.table.writing.hasTriggers && !dryRun) {
    const stored = new Set(written.keys)
    const differing = await differingKeys(target, plan)
    const lost = differing.filter((key) => !stored.has(key))
    tally.sideEffects.changedByTriggers += differing.length - lost.length
    for (const key of lost) reject(context, outcome, chunk, { key, reason: rowError(leftOut, null) })
  }
  outcome.inserted += written.inserted
  outcome.updated += written.updated
  outcome.key = written.key ?? outcome.key
}

/** How far before the low watermark without its allowance a changed row lies: that much of `skewAllowance` was needed. */
async function measureSkew({ target, plan, skew, tally }: LoadContext): Promise<void> {
  if (!skew) return
  const oldest = await oldestMovedStamp(target, plan, [...skew.retried])
  if (oldest !== null) tally.skewUsed = Math.max(tally.skewUsed ?? 0, skew.since - oldest)
}
