import { SyncError } from '../domain/errors.js'
import { keysOf } from '../pipeline/read/queries.js'
import {
  addKeys,
  countGone,
  countLive,
  createKeys,
  markGone,
  marksDeletes,
} from '../postgres/target/deletes.js'
import { refusalOf } from '../postgres/target/row-errors.js'
import { backToSavepoint, releaseSavepoint, setSavepoint } from '../postgres/driver/savepoint.js'
import { compile } from '../postgres/driver/statement.js'
import { ahead } from '../pipeline/read/batches.js'
import { measure, report, type Run } from './run.js'
import { throwIfStopped } from '../domain/abort.js'

/** Keys are short: many fit into one portion. */
const keysPerPortion = 50_000

/**
 * Marks what a full read did not find, in the transaction that is open. When as many rows are live as keys were read, nothing can be
 * gone; else the keys of both sides are compared, the source's in the same snapshot.
 *
 * Throws SOURCE_EMPTY, TOO_MANY_DELETES, SOURCE_IDENTITY_CHANGED or READ_INCOMPLETE rather than believe a source that looks wrong.
 */
export async function markWhatIsGone(run: Run): Promise<void> {
  const { target, plan, tally, options } = run
  if (!marksDeletes(plan.load)) return
  await measure(tally, 'deletes', async () => {
    const live = (await countLive(target, plan.load)) + (options.dryRun ? tally.rowsInserted : 0)
    const isOneSnapshot = run.after === null && tally.snapshots === 1
    // A rejected row may or may not have an older version in the target, so that counts alone say nothing.
    if (isOneSnapshot && live === tally.keys && tally.rowsRejected === 0) return
    report(run, 'deletes', null)
    const keys = await collectKeys(run)
    if (isOneSnapshot && keys < tally.keys) throw readIncomplete(keys, tally.keys)
    const gone = await countGone(target, plan.load)
    if (gone === 0) return
    refuseDoubtful(run, { gone, live, keys })
    if (options.dryRun) tally.rowsDeleted += gone
    else tally.rowsDeleted += await markGone(target, plan.load)
  })
}

async function collectKeys(run: Run): Promise<number> {
  const { source, target, plan, options } = run
  await createKeys(target, plan.load)
  let count = 0
  for await (const portion of ahead(
    portionsOf(source.portions(compile(keysOf(run)), 1, () => keysPerPortion)),
  )) {
    throwIfStopped(options.signal)
    const keys = portion.flatMap(([key]) => (key === null || key === undefined ? [] : [key]))
    await (run.tally.rowsRejected > 0 ? addKeysApart(run, keys) : addKeys(target, plan.load, keys))
    count += keys.length
  }
  return count
}

/** A key that the type of the target's column cannot hold is that of a rejected row, and of no row in the target. */
async function addKeysApart(run: Run, keys: readonly string[]): Promise<void> {
  const { target, plan } = run
  await target.script([setSavepoint])
  try {
    await addKeys(target, plan.load, keys)
    await target.script([releaseSavepoint])
  } catch (error) {
    if (!refusalOf(error, plan.load.columns)) throw error
    await target.script([backToSavepoint, releaseSavepoint])
    if (keys.length === 1) return
    const middle = keys.length >> 1
    await addKeysApart(run, keys.slice(0, middle))
    await addKeysApart(run, keys.slice(middle))
  }
}

async function* portionsOf<T>(portions: AsyncIterable<T>): AsyncGenerator<T> {
  yield* portions
}

interface Finding {
  readonly gone: number
  readonly live: number
  readonly keys: number
}

function refuseDoubtful({ isNewSource, options }: Run, { gone, live, keys }: Finding): void {
  const share = gone / live
  const details = {
    gone,
    live,
    share: Math.round(share * 1000) / 1000,
    maxDeleteShare: options.maxDeleteShare,
  }
  if (keys === 0 && options.maxDeleteShare < 1) {
    throw new SyncError('SOURCE_EMPTY', `The source has no row at all, while the target holds ${live}.`, {
      remedy:
        'Check that the source is the right one. If it is meant to be empty, run once with a maxDeleteShare of 1.',
      details,
    })
  }
  if (isNewSource && !options.acceptNewSource) {
    const message = `The source is not the one of the last good run, and ${gone} of ${live} rows are not in it.`
    const remedy = 'Check that it is the right one, then run once with acceptNewSource.'
    throw new SyncError('SOURCE_IDENTITY_CHANGED', message, { remedy, details })
  }
  if (share > options.maxDeleteShare) {
    const message = `${gone} of ${live} rows are gone from the source, which is more than the share of ${options.maxDeleteShare}.`
    const remedy = 'Check the source and the filter. If it is meant, run once with a larger maxDeleteShare.'
    throw new SyncError('TOO_MANY_DELETES', message, { remedy, details })
  }
}

function readIncomplete(keys: number, read: number): SyncError {
  return new SyncError(
    'READ_INCOMPLETE',
    `The source showed ${read} rows and then only ${keys} keys of them.`,
    {
      remedy: 'Run it again; look for row security or a view that depends on the time.',
      details: { keys, read },
    },
  )
}
