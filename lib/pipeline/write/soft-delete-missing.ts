import { throwIfAborted } from '../../domain/abort.js'
import { SyncError } from '../../domain/errors.js'
import type { Session } from '../../postgres/driver/session.js'
import {
  addKeys,
  countLive,
  listMissing,
  createKeys,
  softDeleteMissing,
} from '../../postgres/target/deletes.js'
import { canSoftDelete, type LoadPlan } from '../../postgres/target/load-plan.js'
import { readAhead } from '../read/batches.js'
import { keysOf, type QueryScope } from '../read/queries.js'
import { compile } from '../../postgres/driver/statement.js'
import type { Tally } from '../tally.js'
import { addApart } from './add-apart.js'

/** Keys are short: many fit into one batch. */
const keysPerBatch = 50_000

export interface MissingRows {
  readonly source: Session
  readonly target: Session
  readonly scope: QueryScope
  readonly tally: Tally
  readonly dryRun: boolean
  /** The full load was resumed, so not all keys were read under the present snapshot. */
  readonly isResumed: boolean
  readonly limits: DeleteLimits
  readonly signal: AbortSignal | undefined
}

/**
 * Soft-deletes the rows that a full load did not find, in the open transaction; `onCompare` is called if keys have to be compared. When as many
 * rows are live as keys were read, nothing can be missing; else the keys of both sides are compared, the source's in the same snapshot.
 *
 * Throws SOURCE_EMPTY, TOO_MANY_DELETES, SOURCE_IDENTITY_CHANGED or READ_INCOMPLETE rather than believe a source that looks wrong.
 */
export async function softDeleteWhatIsMissing(work: MissingRows, onCompare: () => void): Promise<void> {
  const { target, scope, tally, dryRun } = work
  const plan = scope.plan.load
  if (!canSoftDelete(plan)) return
  const { counts } = tally
  const live = (await countLive(target, plan)) + (dryRun ? counts.rowsInserted : 0)
  const isOneSnapshot = !work.isResumed && tally.snapshots === 1
  // A rejected row may or may not have an older version in the target, so that counts alone prove nothing.
  if (isOneSnapshot && live === tally.keys && counts.rowsRejected === 0) return
  onCompare()
  const keys = await collectKeys(work, plan)
  if (isOneSnapshot && keys < tally.keys) throw readIncomplete(keys, tally.keys)
  const missing = await listMissing(target, plan)
  if (missing === 0) return
  requirePlausibleDeletes({ missing, live, sourceRows: keys }, work.limits)
  counts.rowsDeleted += dryRun ? missing : await softDeleteMissing(target, plan)
}

async function collectKeys(
  { source, target, scope, tally, signal }: MissingRows,
  plan: LoadPlan,
): Promise<number> {
  await createKeys(target, plan)
  let count = 0
  for await (const batch of readAhead(keyBatches(source, scope))) {
    throwIfAborted(signal)
    if (tally.counts.rowsRejected > 0) await addApart(target, plan, batch, addKeys)
    else await addKeys(target, plan, batch)
    count += batch.length
  }
  return count
}

/** Every key of the source, as it is spelled there. */
export async function* keyBatches(source: Session, scope: QueryScope): AsyncGenerator<readonly string[]> {
  for await (const batch of source.fetch(compile(keysOf(scope)), 1, () => keysPerBatch)) {
    yield batch.flatMap(([key]) => key ?? [])
  }
}

function readIncomplete(keys: number, read: number): SyncError {
  return new SyncError(
    'READ_INCOMPLETE',
    `The source returned ${read} rows and then only ${keys} keys of them.`,
    {
      remedy: 'Run it again; look for row security or a view that depends on the time.',
      details: { keys, read },
    },
  )
}

/** What keeps a run from soft-deleting rows because the source looks wrong. */
export interface DeleteLimits {
  /** Share of the live rows that may be missing, 0 to 1. */
  readonly maxDeleteShare: number
  /** The source is not the one of the last successful run, and the caller did not accept that. */
  readonly isUnexpectedSource: boolean
}

/** What was found before anything is soft-deleted. */
export interface MissingCounts {
  /** Rows of the target that the source does not have. */
  readonly missing: number
  /** Rows of the target that are not soft-deleted yet. */
  readonly live: number
  /** Rows that the source has; null where only a sample of them was read. */
  readonly sourceRows: number | null
}

/** Throws SOURCE_EMPTY, SOURCE_IDENTITY_CHANGED or TOO_MANY_DELETES when the rows are more likely lost to a wrong source than deleted. */
export function requirePlausibleDeletes(
  { missing, live, sourceRows }: MissingCounts,
  { maxDeleteShare, isUnexpectedSource }: DeleteLimits,
): void {
  const share = missing / live
  const details = { gone: missing, live, share: Math.round(share * 1000) / 1000, maxDeleteShare }
  if (sourceRows === 0 && maxDeleteShare < 1) {
    throw new SyncError('SOURCE_EMPTY', `The source has no rows, while the target holds ${live}.`, {
      remedy:
        'Check that the source is the right one. If it is meant to be empty, run once with a maxDeleteShare of 1.',
      details,
    })
  }
  if (isUnexpectedSource) {
    const message = `The source is not the one of the last successful run, and ${missing} of ${live} rows do not exist in it.`
    const remedy = 'Check that it is the right one, then run once with acceptNewSource.'
    throw new SyncError('SOURCE_IDENTITY_CHANGED', message, { remedy, details })
  }
  if (share > maxDeleteShare) {
    const message = `${missing} of ${live} rows no longer exist in the source, more than the share of ${maxDeleteShare} that may be deleted.`
    const remedy = 'Check the source and the filter. If it is right, run once with a larger maxDeleteShare.'
    throw new SyncError('TOO_MANY_DELETES', message, { remedy, details })
  }
}
