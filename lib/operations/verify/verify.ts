import { SyncError } from '../../domain/errors.js'
import { formatMicros } from '../../domain/horizon.js'
import type { VerifyReport } from '../../domain/verification.js'
import type { ResolvedOptions, SyncOptions } from '../../options.js'
import { resolveOptions } from '../../resolve-options.js'
import { aborted, throwIfAborted } from '../../domain/abort.js'
import { readBaseline, type Baseline } from '../../pipeline/prepare/baseline.js'
import { tablesRead } from '../../pipeline/prepare/plan.js'
import type { FeedOptions } from '../../pipeline/read/feeds.js'
import { guardColumns } from '../../postgres/driver/catalog.js'
import { lockTables } from '../../postgres/source/relation-identity.js'
import { openSession } from '../../postgres/driver/connect.js'
import { dropRejects } from '../../postgres/control/rejects.js'
import { takeRunLock } from '../../postgres/control/run-start.js'
import type { Session } from '../../postgres/driver/session.js'
import { beginWriting } from '../../postgres/driver/transaction.js'
import { clockOf } from '../../postgres/driver/clock.js'
import { forgetTargetDeletes, recordVerification } from '../../postgres/control/verification.js'
import { findDoubles } from '../../postgres/target/doubles.js'
import type { LoadPlan } from '../../postgres/target/load-plan.js'
import { inspectStale, pendingKeys, summarizeStale, without } from './classify.js'
import { compareRows, type Differences, type Sides } from './compare.js'
import { prepareRepair, repairRows } from './repair.js'

type Shared =
  | 'source'
  | 'target'
  | 'schema'
  | 'relation'
  | 'table'
  | 'pipeline'
  | 'accounts'
  | 'inboxes'
  | 'timeZone'
  | 'chatwootUrl'
  | 'columns'
  | 'hashSecret'
  | 'messageTexts'
  | 'allowLossy'
  | 'skewAllowance'
  | 'statementTimeout'
  | 'lockTimeout'
  | 'connectTimeout'
  | 'maxDeleteShare'
  | 'signal'
  | 'logger'

export interface VerifyOptions extends Pick<SyncOptions, Shared> {
  /**
   * Share of the rows to compare, 0 to 1, in whole ranges of keys chosen by chance. (Default: 1, all; also where keys that are spelled
   * differently can be one key to the target, as in citext.)
   */
  readonly sample?: number | undefined
  /** Repairs what differs. (Default: false, which writes nothing but the finding.) */
  readonly repair?: boolean | undefined
  /** Called now and then with the rows of the source that were compared, and how many there are by the planner's estimate. */
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined
}

export interface VerifyProgress {
  readonly rowsCompared: number
  readonly rowsExpected: number | null
}

/**
 * Compares the target with the source, as of one snapshot of it, and returns which rows are missing, stale or extra; with `repair` it
 * repairs them. It finds what no change column shows. Rows that changed since the last run count as pending, not as differences. The options
 * must be those of the runs; a pipeline with a `transform` cannot be compared. The finding is kept in `etl_verification`.
 *
 * It holds the run lock, so that no run of the pipeline runs meanwhile. Throws LOCKED, TOO_MANY_DELETES, SOURCE_EMPTY and what `syncConversations` throws.
 *
 * @example const { rowsMissing, rowsStale, rowsExtra } = await verifyConversations({ source, target, sample: 0.05 })
 */
export async function verifyConversations(options: VerifyOptions): Promise<VerifyReport> {
  const { sample = 1, repair = false, onProgress, ...shared } = options
  if (!(sample > 0 && sample <= 1)) throw badSample(sample)
  const resolved = resolveOptions(shared)
  throwIfAborted(resolved.signal)
  const { schema, connectTimeout } = resolved
  const connection = { applicationName: 'chatwoot-sync verify', connectTimeout }
  await using target = await openSession('target', resolved.target, { ...connection, schema })
  await takeRunLock(target, resolved.pipeline)
  const startedAt = await clockOf(target)
  await using source = await openSession('source', resolved.source, connection)
  const stop = () => source.destroy(aborted(resolved.signal?.reason))
  resolved.signal?.addEventListener('abort', stop, { once: true })
  try {
    const comparison = { source, target, startedAt, options: resolved, sample, repair, onProgress }
    const report = await compare(comparison)
    const { rowsMissing, rowsStale, rowsExtra, rowsDouble, rowsRepaired } = report
    resolved.logger?.info('Compared', { rowsMissing, rowsStale, rowsExtra, rowsDouble, rowsRepaired })
    return report
  } catch (error) {
    throw resolved.signal?.aborted ? aborted(resolved.signal.reason) : error
  } finally {
    resolved.signal?.removeEventListener('abort', stop)
  }
}

interface Comparison {
  readonly source: Session
  readonly target: Session
  readonly startedAt: string
  readonly options: ResolvedOptions
  readonly sample: number
  readonly repair: boolean
  readonly onProgress: VerifyOptions['onProgress']
}

/** In one transaction on each side; the one of the target also keeps the finding. */
async function compare({ source, target, startedAt, options, sample, repair, onProgress }: Comparison) {
  const baseline = await readBaseline(source, target, options)
  requireFilledColumns(baseline)
  requireSameProtection(baseline)
  await lockTables(source, tablesRead(baseline.plan))
  const sides: Sides = { source, target, plan: baseline.plan, options, timeZones: baseline.timeZones }
  if (repair) await prepareRepair(sides)
  await target.script(beginWriting(options))
  const rowsExpected = baseline.plan.estimatedRows
  const emit = onProgress && ((rowsCompared: number) => onProgress({ rowsCompared, rowsExpected }))
  const rejected = new Set(baseline.previousRuns.rejected.map(({ key }) => key))
  const except = canFail(baseline.plan.load.conversions) ? [...rejected] : []
  const doubles = await findDoubles(target, baseline.plan.load)
  const compared = await compareRows(sides, {
    sample,
    signal: options.signal,
    onProgress: emit,
    except,
  }).catch((error: unknown) => {
    throw isAboutValue(error) ? unreadable(error) : error
  })
  const all = without(compared, new Set(doubles))
  const suspects = await withoutPending(sides, all, rejected, baseline, options)
  const inspected = await inspectStale(sides, suspects)
  const { rowsRepaired, rejected: rejectedNow } = repair
    ? await repairRows(sides, { ...suspects, doubles }, sample, { ...options, known: rejected })
    : {
        rowsRepaired: 0,
        rejected: [...suspects.missing, ...suspects.stale].filter((key) => rejected.has(key)),
      }
  const found = without(suspects, new Set(rejectedNow))
  const stale = summarizeStale(sides, found.stale, inspected)
  const passed = keysOf(found).filter((key) => rejected.has(key))
  if (repair) await dropRejects(target, options.pipeline, passed)
  const { load } = baseline.plan
  const guard = guardColumns({ ...load.table, columns: load.columns })
  if (rowsRepaired > 0 || (repair && rejectedNow.length > 0)) guard.check(await target.rows(guard.query))
  const report = await recordVerification(target, startedAt, {
    pipeline: options.pipeline,
    sourceTime: sourceTime(baseline),
    sample,
    rowsCompared: all.rowsCompared,
    rowsMissing: found.missing.length,
    rowsStale: found.stale.length,
    rowsExtra: found.extra.length,
    rowsDouble: doubles.length,
    rowsSilent: stale.silent + found.extra.length,
    rowsPending: keysOf(all).length - keysOf(suspects).length,
    rowsRejected: rejectedNow.length,
    rowsRepaired,
    differingColumns: stale.columns,
    differingKeys: [...keysOf(found), ...doubles].slice(0, 100),
  })
  const isComplete = sample === 1 && (repair || found.missing.length === 0)
  if (isComplete) await forgetTargetDeletes(target, options.pipeline)
  await target.script(['commit'])
  return report
}

/** Whether the source may be unable to cast a value to the type in which it is compared. */
const canFail = (conversions: LoadPlan['conversions']) =>
  [...conversions.values()].some(({ by }) => by !== 'text' && by !== 'written' && by !== 'integer')

const isAboutValue = (error: unknown): error is SyncError =>
  error instanceof SyncError &&
  error.code === 'SOURCE_FAILED' &&
  String(error.details['sqlState']).startsWith('22')

/** A row that no run has read yet, or none since it changed. */
function unreadable({ code, details, cause }: SyncError): SyncError {
  const message =
    'A row of the source has a value that its column in the target cannot read, and that no run has rejected yet.'
  return new SyncError(code, message, {
    remedy: 'Run sync, which rejects the row, and then verify.',
    details,
    cause,
  })
}

/** Differences that no run would fix. A run reads the rejected rows again, and they are rejected again. */
async function withoutPending(
  sides: Sides,
  all: Differences,
  rejected: ReadonlySet<string>,
  baseline: Baseline,
  options: FeedOptions,
): Promise<Differences> {
  if (keysOf(all).every((key) => rejected.has(key))) return all
  const pending = await pendingKeys(sides, baseline, options)
  return without(all, new Set([...pending].filter((key) => !rejected.has(key))))
}

const keysOf = ({ missing, stale, extra }: Differences) => [...missing, ...stale, ...extra]

/** After a migration that adds columns every row would look stale until a run has filled them; that run can be resumed, a repair cannot. */
function requireFilledColumns({ previousRuns: { lastSuccess }, plan }: Baseline): void {
  if (!lastSuccess || lastSuccess.fingerprint === plan.fingerprint) return
  if (lastSuccess.fingerprint !== plan.earlierFingerprint()) return
  const message = `The table ${plan.load.table.name} has new columns, which a migration added and no run has filled yet.`
  throw new SyncError('CONFIG_INVALID', message, {
    remedy: 'Run sync, which reads everything once, and then verify.',
  })
}

/** Rows that were loaded under another protection would all look stale, and a repair would load what must be left out. */
function requireSameProtection({ last, plan }: Baseline): void {
  if (!last || (last.protectionDigest ?? null) === plan.protection.digest) return
  const message =
    'Columns are excluded, hashed, masked or reduced in another way, or with another secret, than in the last successful run.'
  throw new SyncError('CONFIG_INVALID', message, {
    remedy:
      'Use the columns, hashSecret and messageTexts of the runs; after a change, let a full load run first.',
  })
}

function sourceTime({ opened }: Baseline): string | null {
  return opened.probe.at === null ? null : formatMicros(opened.probe.at)
}

function badSample(sample: number): SyncError {
  return new SyncError('CONFIG_INVALID', `sample is ${sample}, which is not a share above 0 and up to 1.`, {
    remedy: 'Use 0.05 for five percent.',
  })
}
