import { throwIfAborted } from '../domain/abort.js'
import type { SyncReport, Warning } from '../domain/report.js'
import { tablesRead } from '../pipeline/prepare/plan.js'
import { joinParts, keysOf, partLimits, type Batch } from '../pipeline/read/batches.js'
import { changedIds, type FeedPlan } from '../pipeline/read/feeds.js'
import { changedRows, passedTo, type ChangedRows } from '../pipeline/read/queries.js'
import { emitProgress, loadWarnings, measure } from '../pipeline/tally.js'
import { commitAtEnd, loadBatches, neverCommit, type CommitPolicy } from '../pipeline/write/load-batches.js'
import { dropKeys } from '../pipeline/write/drop-keys.js'
import { keyUnreadable, rejectUnread, settleRejects } from '../pipeline/write/rejects.js'
import { rejectCollapsed, withoutOtherSpelling, dropLeftOut } from '../pipeline/write/spellings.js'
import { retryConflicts } from '../pipeline/write/retry-conflicts.js'
import { guardColumns } from '../postgres/driver/catalog.js'
import { isNameless, recordable } from '../postgres/driver/texts.js'
import { beginWriting, between, setSavepoint } from '../postgres/driver/transaction.js'
import { lockTables } from '../postgres/source/relation-identity.js'
import { chunkOfBinary, stageQueries } from '../postgres/target/stage.js'
import { finishRun, type DryRunStart, type Run } from './run.js'
import {
  batchLimits,
  loadContextOf,
  readingScope,
  readRows,
  rowsInBulk,
  scopeOf,
  spelledSource,
} from './rows.js'

/**
 * Reads what changed since the last successful run. Rows, deletes, state and counts are one transaction: after a failure everything is as
 * it was before, and the next run reads the same again. A dry run rolls it back. Where nothing changed, no transaction is begun.
 */
export async function runIncremental(run: Run, dryRun: DryRunStart | undefined): Promise<SyncReport> {
  const { target, options, tally, rejectedBefore } = run
  const { plan } = run.baseline
  const changes = await selectChanges(run)
  if (!changes) return finishRun(run, dryRun)
  const context = loadContextOf(run)
  const stage = stageQueries(plan.load, { dryRun: options.dryRun })
  const guard = guardColumns({ ...plan.load.table, columns: plan.load.columns })
  const open = async () => {
    // The stage locks the table: whatever its columns are now, they stay until the end.
    const begin = [...beginWriting(options), ...stage]
    const [columns] = await between(target, begin, [guard.query], [setSavepoint])
    if (!dryRun) guard.check(columns)
  }
  const policy = (dryRun ? neverCommit : commitAtEnd)(target, open)
  const missing = new Set(changes.keys)
  // The target gets ready while the source plans the query.
  const opening = policy.begin()
  opening.catch(() => undefined)
  await loadBatches(context, rowsThatChanged(run, changes, policy), policy, {
    onBatch: (batch) => {
      if (missing.size > 0) for (const key of keysOf(plan.load, batch)) missing.delete(recordable(key))
    },
    onLoaded: () => {
      emitProgress(options.onProgress, tally, { phase: 'load', rowsExpected: changes.rowsExpected })
    },
  })
  await policy.beginLast()
  // Whether the source still has them only a full load sees.
  const nameless = [...missing].filter((key) => isNameless(run.source.encoding(), key))
  if (nameless.length > 0) await rejectUnread(context, nameless, keyUnreadable(plan.load))
  tally.counts.rowsExtracted += nameless.length
  for (const key of nameless) missing.delete(key)
  const from = spelledSource(run)
  if (context.transform) await dropLeftOut(context, from)
  if (tally.rejected.inConflict.size > 0) await retryConflicts(context, from)
  if (context.rejects.spellings) await rejectCollapsed(context, from)
  // A feed still shows them, their row does not exist, as messages outlive their conversation for a while; or they were rejected, and are deleted.
  const gone = context.rejects.spellings
    ? await withoutOtherSpelling(context, from, [...missing])
    : [...missing]
  if (gone.length > 0) await measure(tally, 'deletes', () => dropKeys(context, gone))
  tally.warnings.push(...loadWarnings(tally, plan.load.table.name))
  if (tally.counts.rowsRejected > 0 || rejectedBefore.size > 0) {
    await settleRejects(context, { isResumed: false, hadRejects: rejectedBefore.size > 0 })
  }
  throwIfAborted(options.signal)
  tally.warnings.push(...skewWarnings(tally.skewUsed, options.skewAllowance))
  const report = await finishRun(run, dryRun)
  await policy.endLast()
  return report
}

/** `keys` are those of the rows that are read because of more than their stamp. */
interface Changes extends ChangedRows {
  readonly rowsExpected: number | null
}

/** In batches that are put into the stage while they are read. */
function rowsThatChanged(
  run: Pick<Run, 'source' | 'target' | 'baseline' | 'options' | 'tally' | 'attempts' | 'resumeAfter'>,
  changes: Changes,
  policy: CommitPolicy,
): AsyncIterable<Batch> {
  const { target, baseline } = run
  const { load } = baseline.plan
  const extractor = rowsInBulk(run, partLimits)
  const scope = readingScope(run, extractor)
  const query = (after: string | null) => changedRows(scope, changes, after)
  const parts = readRows(run, extractor, query, passedTo(changes))
  return joinParts(parts, batchLimits(run), async (part) => {
    await policy.begin()
    await chunkOfBinary(load, part).put(target, 'stage')
  })
}

/** What to read, with the tables locked; undefined where there is nothing. */
async function selectChanges(run: Run): Promise<Changes | undefined> {
  const { source, baseline, feeds, rejectedBefore } = run
  const { plan, opened } = baseline
  const { low = 0, isIdle } = opened.bound
  const rejected = [...rejectedBefore]
  if (plan.custom && !isIdle) {
    await lockTables(source, tablesRead(plan))
    return { low, keys: rejected, rowsExpected: null }
  }
  const changed = feeds ? await readFeeds(run, feeds) : []
  const keys = [...new Set([...changed, ...rejected])]
  if (keys.length === 0) return undefined
  if (!feeds) await lockTables(source, tablesRead(plan))
  return { keys, rowsExpected: keys.length }
}

/** The ids that the feeds show, and that have to be read; the tables are locked in the same round trip. */
async function readFeeds(
  run: Pick<Run, 'source' | 'target' | 'baseline' | 'tally' | 'options' | 'rejectedBefore'>,
  feeds: FeedPlan,
): Promise<readonly string[]> {
  const { source, target, baseline, tally, options, rejectedBefore } = run
  emitProgress(options.onProgress, tally, { phase: 'feeds', rowsExpected: null })
  const sides = { ...scopeOf(run), source, target }
  const reading = {
    tables: tablesRead(baseline.plan),
    known: rejectedBefore,
    hasTransform: options.transform !== undefined,
  }
  const { ids, took } = await measure(tally, 'feeds', () => changedIds(sides, feeds, reading))
  for (const [feed, milliseconds] of took) tally.feedsTook.set(feed, milliseconds)
  return ids
}

/** `used` is in microseconds, `skewAllowance` in milliseconds. Half of the allowance used is a sign, all of it a possible loss. */
function skewWarnings(used: number | null, skewAllowance: number): Warning[] {
  const late = (used ?? 0) / 1000
  if (late <= skewAllowance / 2 || late === 0) return []
  const seconds = (milliseconds: number) => (milliseconds / 1000).toFixed(3)
  const fact = `Change stamps came ${seconds(late)} s late, of ${seconds(skewAllowance)} s that skewAllowance covers`
  const isCovered = late < skewAllowance
  return [
    {
      code: isCovered ? 'MARGIN_HALF_USED' : 'MARGIN_USED_UP',
      message: isCovered
        ? `${fact}; raise skewAllowance, or check the clocks of the application's hosts.`
        : `${fact}; rows may have been missed. Raise skewAllowance and run verify.`,
    },
  ]
}
