import { throwIfAborted } from '../domain/abort.js'
import { readAhead, type Batch } from '../pipeline/read/batches.js'
import { rowsInRange } from '../pipeline/read/queries.js'
import { addLoaded, newTally } from '../pipeline/tally.js'
import { loadBatch } from '../pipeline/write/load-batches.js'
import type { LoadContext } from '../pipeline/write/load-context.js'
import { compile } from '../postgres/driver/statement.js'
import { beginBatch, setSavepoint } from '../postgres/driver/transaction.js'
import { isEmptyWithin } from '../postgres/target/stage.js'
import type { OpenRange, RecordRange } from './open-ranges.js'
import { readingScope, rowsInBulk, throttled, type Throttle } from './rows.js'
import type { Run } from './run.js'
import type { Worker } from './workers.js'

/** What a worker loads a range with. */
export interface RangeLoader {
  readonly run: Pick<Run, 'baseline' | 'options' | 'tally'>
  readonly worker: Worker
  /** When the snapshot is too old, by `performance.now()`. */
  readonly until: number
  readonly throttle: Throttle | undefined
  readonly record: RecordRange
  /** After each batch; whether its range was recorded with it. */
  readonly onCommitted: (isRecorded: boolean) => void
}

/** Loads what is left of a range; false where it stopped before the end, as the snapshot is too old or another worker has failed. */
export async function loadRange(
  loader: RangeLoader,
  context: LoadContext,
  open: OpenRange,
  stop: AbortSignal,
): Promise<boolean> {
  const { worker, run, throttle } = loader
  const { reached: from } = open
  const rest = { ...open.range, reached: from }
  const extractor = rowsInBulk({ ...run, ...worker })
  const query = compile(rowsInRange(readingScope(run, extractor), rest))
  let isAppending = await canAppend(context, worker, rest)
  const began = performance.now()
  let until = loader.until
  for await (const batch of readAhead(throttled(extractor.extract(query), throttle))) {
    throwIfAborted(context.signal)
    if (stop.aborted) return false
    const now = performance.now()
    // A view that takes long until its first row would do so again each time.
    if (open.reached === from) until = Math.max(until, now + (now - began))
    isAppending = await commitBatch(loader, context, { batch, open, isAppending })
    if (open.reached !== from && performance.now() >= until) return false
  }
  open.state = 'loaded'
  return true
}

/** Within a range of which the target has nothing, every row is new. What a column would change is seen in the stage. */
async function canAppend(
  { plan, dryRun }: Pick<LoadContext, 'plan' | 'dryRun'>,
  { target }: Pick<Worker, 'target'>,
  rest: OpenRange['range'],
): Promise<boolean> {
  return !dryRun && plan.lossy.length === 0 && isEmptyWithin(target, plan, rest)
}

interface RangeBatch {
  readonly batch: Batch
  readonly open: OpenRange
  readonly isAppending: boolean
}

/** One batch in one transaction, with the key that its range has reached; counted apart until it is committed. Whether the next one may be appended. */
async function commitBatch(
  { run, worker, record, onCommitted }: RangeLoader,
  context: LoadContext,
  { batch, open, isAppending }: RangeBatch,
): Promise<boolean> {
  const { target } = worker
  const { dryRun } = context
  const tally = newTally()
  const rejects = { ...context.rejects, besides: run.tally }
  await target.script([...beginBatch(run.options), setSavepoint])
  const canAppendNext = await loadBatch({ ...context, target, tally, rejects }, batch, isAppending)
  // No statement can name a key that is no text, but these are numbers.
  const { counts } = tally
  const { lastKey: reached } = batch
  const isRecorded = !dryRun && (await record(target, open, { counts, reached }))
  await target.script([dryRun ? 'rollback' : 'commit'])
  addLoaded(run.tally, tally)
  open.reached = reached
  if (isRecorded) open.recorded = reached
  onCommitted(isRecorded)
  return canAppendNext
}
