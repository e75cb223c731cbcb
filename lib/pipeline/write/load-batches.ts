import { throwIfAborted } from '../../domain/abort.js'
import type { Session } from '../../postgres/driver/session.js'
import {
  beginBatch,
  beginWriting,
  moveSavepoint,
  setSavepoint,
  type Timeouts,
} from '../../postgres/driver/transaction.js'
import { clearStage } from '../../postgres/target/stage.js'
import type { Batch } from '../read/batches.js'
import { measure } from '../tally.js'
import { dropKeys } from './drop-keys.js'
import { chunkOfBinary, chunkOfRows, loadThroughStage, tryAppend } from './load-chunk.js'
import { withoutHeld } from './hold-back.js'
import type { LoadContext } from './load-context.js'
import { transformRows, type RowTransform, type TransformedRows } from './transform-rows.js'

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

/** Milliseconds after which the key is recorded though nothing was written: to read equal rows again costs less than to record each batch. */
export const recordEvery = 2000

/**
 * Commits each batch, together with what `record` writes, so that a run that is killed resumes after it. What comes after the last batch has
 * to be written, as its commit is the one that waits for the disk.
 */
export function commitEachBatch(
  target: Session,
  timeouts: Timeouts,
  record: (lastKey: string) => Promise<void>,
): CommitPolicy {
  return {
    begin: () => target.script([...beginBatch(timeouts), setSavepoint]),
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

/** Loads one batch in the open transaction, with the savepoint set before it, and releases it; whether the next one may be appended. */
export async function loadBatch(context: LoadContext, batch: Batch, isAppending: boolean): Promise<boolean> {
  const { tally, plan } = context
  const { chunk, dropped } = await toChunk(context, batch)
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
  if ('release' in batch) batch.release()
  return canAppend
}

async function toChunk({ plan, transform, tally, rejects }: LoadContext, batch: Batch) {
  if ('pieces' in batch) return { chunk: chunkOfBinary(plan, batch), dropped: [] }
  const read = rejects.spellings ? withoutHeld(rejects.spellings, plan, batch.rows) : batch.rows
  if (!transform) return { chunk: chunkOfRows(plan, read), dropped: [] }
  const { rows, dropped }: TransformedRows = await measure(tally, 'transform', async () =>
    transformRows(transform.call, plan, read),
  )
  return { chunk: chunkOfRows(plan, rows), dropped: withoutLate(transform, dropped) }
}

/** The keys that are dropped now; notes the others. */
function withoutLate({ late, dropped }: RowTransform, keys: readonly string[]): readonly string[] {
  const isLate = (key: string) => late === 'all' || late.has(key)
  for (const key of keys) if (isLate(key)) dropped.add(key)
  return keys.filter((key) => !isLate(key))
}
