import { throwIfAborted } from '../../domain/abort.js'
import { rowErrorOf } from '../../postgres/driver/row-error.js'
import type { Session } from '../../postgres/driver/session.js'
import {
  backToSavepoint,
  beginWriting,
  moveSavepoint,
  setSavepoint,
  type Timeouts,
} from '../../postgres/driver/transaction.js'
import { canSoftDelete, countSoftDeletable, softDelete } from '../../postgres/target/deletes.js'
import {
  clearStage,
  countStage,
  oldestMovedStamp,
  upsertStage,
  type LoadPlan,
} from '../../postgres/target/upsert.js'
import type { Batch } from '../read/batches.js'
import { measure, type Tally } from '../tally.js'
import { chunkOfBinary, chunkOfRows, type Chunk } from './chunk.js'
import { newReject, recordRejected, type Rejected, type RejectRules } from './rejects.js'
import { transformRows, type Transform, type TransformedRows } from './transform-rows.js'

/** Where batches go, and by which rules. */
export interface LoadContext {
  readonly target: Session
  readonly plan: LoadPlan
  readonly tally: Tally
  /** Counts what would be written. */
  readonly dryRun: boolean
  readonly transform: Transform | undefined
  readonly rejects: RejectRules
  /** Present where late timestamps are measured, which only an incremental run can do. */
  readonly skew: SkewMeasure | undefined
  readonly signal: AbortSignal | undefined
}

export interface SkewMeasure {
  /** The low watermark without its allowance; microseconds. */
  readonly since: number
  /** Keys that are read for another reason than their stamp. */
  readonly retried: ReadonlySet<string>
}

/** When what was loaded becomes permanent. */
export interface CommitPolicy {
  /** Before each batch: a transaction is open afterwards, the savepoint set, and the stage empty. */
  begin(): Promise<void>
  /** After each batch, with the last key in it. */
  end(lastKey: string): Promise<void>
  /** Before what comes after the last batch: a transaction is open afterwards. */
  beginLast(): Promise<void>
  /** Ends the last transaction. */
  endLast(): Promise<void>
}

/** Commits each batch, together with what `record` writes, so that a run that is killed resumes after it. */
export function commitEachBatch(
  target: Session,
  timeouts: Timeouts,
  record: (lastKey: string) => Promise<void>,
): CommitPolicy {
  return {
    begin: () => target.script([...beginWriting(timeouts), setSavepoint]),
    end: async (lastKey) => {
      await record(lastKey)
      await target.script(['commit'])
    },
    beginLast: () => target.script(beginWriting(timeouts)),
    endLast: () => target.script(['commit']),
  }
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
  let isOpen = false
  const openOnce = async () => {
    if (!isOpen) await open()
    isOpen = true
  }
  return {
    begin: openOnce,
    end: () => target.script([clearStage, ...moveSavepoint]),
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

/** Loads one batch in the open transaction, with the savepoint set before it; whether the next one may be appended. */
async function loadBatch(context: LoadContext, batch: Batch, isAppending: boolean): Promise<boolean> {
  const { tally } = context
  const { chunk, dropped } = await toChunk(context, batch)
  return measure(tally, 'load', async () => {
    const isAppended = isAppending && (await tryAppend(context, chunk))
    const { inserted, updated, rejected } = isAppended
      ? { inserted: chunk.count, updated: 0, rejected: 0 }
      : await loadThroughStage(context, chunk)
    await dropKeys(context, dropped)
    const extracted = chunk.count + batch.repeated
    tally.counts.rowsExtracted += extracted
    tally.counts.rowsInserted += inserted
    tally.counts.rowsUpdated += updated
    tally.counts.rowsUnchanged += extracted - inserted - updated - rejected
    tally.keys += chunk.count
    // Without a rejected row, what prevented it was a key that exists already, as another program writes to the table.
    return isAppended || (isAppending && rejected > 0)
  })
}

async function toChunk({ plan, transform, tally }: LoadContext, batch: Batch) {
  if ('pieces' in batch) return { chunk: chunkOfBinary(plan, batch), dropped: [] }
  if (!transform) return { chunk: chunkOfRows(plan, batch.rows), dropped: [] }
  const { rows, dropped }: TransformedRows = await measure(tally, 'transform', async () =>
    transformRows(transform, plan, batch.rows),
  )
  return { chunk: chunkOfRows(plan, rows), dropped }
}

/** False when the target rejects a row, or has the key of one already; then nothing is written. */
async function tryAppend({ target, plan }: LoadContext, chunk: Chunk): Promise<boolean> {
  try {
    if (chunk.count > 0) await chunk.put(target, 'table')
    return true
  } catch (error) {
    if (!rowErrorOf(error, plan.columns)) throw error
    await target.script([backToSavepoint])
    return false
  }
}

async function loadThroughStage(context: LoadContext, chunk: Chunk) {
  const { target, plan, dryRun } = context
  const written = { inserted: 0, updated: 0 }
  const rejected: Rejected[] = []
  const load = async (part: Chunk) => {
    await part.put(target, 'stage')
    await measureSkew(context)
    const { inserted, updated } = await (dryRun ? countStage : upsertStage)(target, plan)
    written.inserted += inserted
    written.updated += updated
  }
  if (chunk.count > 0) {
    await bisect({ target, columns: plan.columns, load }, chunk, (part, reason) => {
      rejected.push(newReject(context, part, reason))
    })
  }
  if (rejected.length > 0) await recordRejected(context, rejected)
  return { ...written, rejected: rejected.length }
}

interface Bisection {
  readonly target: Session
  readonly columns: LoadPlan['columns']
  /** Loads a chunk through the stage, which is empty. */
  readonly load: (chunk: Chunk) => Promise<void>
}

type OnRejected = (chunk: Chunk, reason: NonNullable<ReturnType<typeof rowErrorOf>>) => void

/**
 * Loads a chunk in the open transaction, with the savepoint set right before it. When the target rejects a row of it, everything but the
 * rejected rows is written: it returns to the savepoint and tries each half by itself. A failure that is not about a row is thrown, and so
 * is what `onRejected` throws. For k rejected rows among n it takes about k log n tries, and no memory but that of the chunk. Returns
 * whether the last try wrote something, which the stage then holds; else the stage is empty.
 */
async function bisect(bisection: Bisection, chunk: Chunk, onRejected: OnRejected): Promise<boolean> {
  const { target, columns, load } = bisection
  try {
    await load(chunk)
    return true
  } catch (error) {
    const reason = rowErrorOf(error, columns)
    if (!reason) throw error
    await target.script([backToSavepoint])
    if (chunk.count === 1) {
      onRejected(chunk, reason)
      return false
    }
  }
  let isWritten = false
  for (const half of chunk.halves()) {
    if (isWritten) await target.script([clearStage, ...moveSavepoint])
    isWritten = await bisect(bisection, half, onRejected)
  }
  return isWritten
}

/** Soft-deletes rows that the source no longer has, or that `transform` left out. */
export async function dropKeys(
  { target, plan, dryRun, tally }: Pick<LoadContext, 'target' | 'plan' | 'dryRun' | 'tally'>,
  keys: readonly string[],
): Promise<void> {
  if (keys.length === 0 || !canSoftDelete(plan)) return
  const drop = dryRun ? countSoftDeletable : softDelete
  tally.counts.rowsDeleted += await drop(target, plan, keys)
}

/** How far before the low watermark without its allowance a changed row lies: that much of `skewAllowance` was needed. */
async function measureSkew({ target, plan, skew, tally }: LoadContext): Promise<void> {
  if (!skew) return
  const oldest = await oldestMovedStamp(target, plan, [...skew.retried])
  if (oldest !== null) tally.skewUsed = Math.max(tally.skewUsed ?? 0, skew.since - oldest)
}
