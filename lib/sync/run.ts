import { formatMicros, isOtherSource, isSameServer } from '../domain/horizon.js'
import type { SyncReport } from '../domain/report.js'
import { completeThrough } from '../domain/scan-budget.js'
import type { ResolvedOptions } from '../options.js'
import { readBaseline, type Baseline } from '../pipeline/prepare/baseline.js'
import { afterFullLoad, planFeeds, type FeedPlan } from '../pipeline/read/feeds.js'
import type { Glance } from '../pipeline/prepare/snapshot.js'
import {
  digestOf,
  fromJson,
  toJson,
  type Earlier,
  type State,
  type Unchanged,
} from '../pipeline/prepare/state.js'
import { keptProtection, requireNotWeaker } from '../pipeline/prepare/weaker-protection.js'
import { measure, newTally, rounded, type Tally } from '../pipeline/tally.js'
import type { CommittedRun, RejectedRow, UnfinishedLoad } from '../postgres/control/run-rows.js'
import { closeRun, type RunHandle, type RunProgress } from '../postgres/control/runs.js'
import { clockOf } from '../postgres/driver/clock.js'
import { isAboutOtherRows } from '../postgres/driver/row-error.js'
import type { ReconnectingSession } from '../postgres/driver/connect.js'
import type { Session } from '../postgres/driver/session.js'
import { unknownTimeZones } from '../postgres/source/probe.js'
import { replacedRelation, untracedChange } from '../postgres/source/relation-identity.js'
import { partitionColumns } from '../postgres/target/load-plan.js'
import { markerOf, type TableLook } from '../postgres/target/table-identity.js'
import { retryWarnings, type Attempts } from './attempts.js'
import { makeMonthsAhead } from './make-months-ahead.js'

/** Both connections, and where a run is after it was locked. */
export interface LockedRun {
  readonly source: ReconnectingSession
  readonly target: Session
  readonly attempts: Attempts
  /** What it had committed before it was interrupted. */
  readonly committed: CommittedRun | undefined
  /** What earlier runs have left, where it was read already. */
  readonly earlier: Earlier | undefined
  /** What the source has shown while the lock was taken; undefined where it was not connected yet. */
  readonly glance: Glance | undefined
  readonly options: ResolvedOptions
}

/** The columns of the run's row that are known before the first row is read. */
export interface RunFacts extends Pick<
  RunProgress,
  | 'loadType'
  | 'reason'
  | 'watermarkStart'
  | 'watermarkEnd'
  | 'watermarkIndexed'
  | 'horizonMode'
  | 'fingerprint'
> {
  /** JSON, with the milliseconds that the feeds took; null for a run that cannot vouch for anything. */
  readonly state: (took: Tally['feedsTook']) => string | null
}

/** A run that knows what to read. */
export interface Run extends Omit<LockedRun, 'committed' | 'earlier' | 'glance'> {
  readonly baseline: Baseline
  readonly facts: RunFacts
  /** Last key of an earlier full load that this one resumes. */
  readonly resumeAfter: string | null
  /** Keys of rows that earlier runs rejected; this run tries them again. */
  readonly rejectedBefore: ReadonlySet<string>
  /** What the change feeds are asked; undefined for a full load, a custom relation, and where nothing was written. */
  readonly feeds: FeedPlan | undefined
  /** The source is not the one that the last successful run read. */
  readonly isNewSource: boolean
  readonly tally: Tally
}

/** Checks both sides, opens the source's snapshot and decides what to read: everything, the rest of everything, or what changed. */
export async function prepareRun(locked: LockedRun): Promise<Run> {
  const { source, target, attempts, committed, options } = locked
  const tally = newTally(committed?.report)
  const found = await measure(tally, 'probe', () => readBaseline(source, target, options, locked))
  const { plan, last, timeZones } = found
  requireStillProtected(found, options)
  if (!options.dryRun && partitionColumns(plan.load).length > 0) await makeMonthsAhead(target, options)
  const { bound, probe, warnings } = found.opened
  const isFull = options.loadType === 'full' || bound.low === undefined
  const unfinished = committed?.unfinished ?? found.previousRuns.unfinished
  const resumed = isFull && !options.dryRun ? resumable(unfinished, found) : undefined
  const feeds = isFull ? undefined : planFeeds(found, options, thoroughnessOf(locked))
  const lasting = [...plan.warnings, ...unknownTimeZones(timeZones)]
  tally.warnings.push(...lasting, ...warnings)
  const isIdle = feeds ? feeds.isIdle : bound.isIdle
  const { horizon, chatwoot } = found.opened
  const fresh = { horizon, smallTables: chatwoot.smallTables, hasProtectedNames: true }
  const state = (took: Tally['feedsTook']) => ({
    ...(resumed?.state ?? { ...fresh, scans: feeds ? feeds.after(took) : afterFullLoad(found, options) }),
    timeZones,
    protectionDigest: plan.protection.digest,
    protection:
      plan.protection.digest === null
        ? undefined
        : keptProtection(plan.protection, options, plan.load.columns),
    identities: {
      ...identitiesAfter(found, isFull),
      unchanged: unchangedAfter(found, options, { warnings: lasting, isIdle }),
    },
  })
  const { horizon: vouchedFor, scans } = state(new Map())
  for (const { key } of found.previousRuns.rejected.filter((row) =>
    isInConflict(row, attempts.executionId),
  )) {
    tally.rejected.inConflict.set(key, undefined)
  }
  const baseline = { ...found, opened: { ...found.opened, bound: { ...bound, isIdle } } }
  return {
    ...{ source, target, attempts, options, baseline, tally },
    facts: {
      loadType: isFull ? 'full' : 'incremental',
      reason: committed?.unfinished
        ? committed.report.reason
        : reasonOf(found, resumed && unfinished, options.loadType),
      watermarkStart: isFull || bound.low === undefined ? null : formatMicros(bound.low),
      watermarkEnd: vouchedFor ? formatMicros(completeThrough(scans?.feeds, vouchedFor.at)) : null,
      watermarkIndexed: vouchedFor ? formatMicros(vouchedFor.at) : null,
      horizonMode: probe.mode,
      fingerprint: plan.fingerprint,
      state: (took) => (vouchedFor ? toJson(state(took)) : null),
    },
    resumeAfter: resumed?.after ?? null,
    rejectedBefore: rejectedBefore(found.previousRuns.rejected, attempts.executionId),
    feeds: isIdle ? undefined : feeds,
    isNewSource: last?.horizon !== undefined && isOtherSource(last.horizon, probe),
  }
}

/** What the last run has protected that has loaded rows, whether or not it has ended. */
function requireStillProtected(
  { last, previousRuns, plan }: Pick<Baseline, 'last' | 'previousRuns' | 'plan'>,
  options: Pick<ResolvedOptions, 'messageTexts' | 'reveal'>,
): void {
  const newest = fromJson(previousRuns.unfinished?.state) ?? last
  if (typeof newest?.protectionDigest === 'string') requireNotWeaker(newest, plan, options)
}

/** A marker that was not found is dropped: the next row that is written takes its place. */
function identitiesAfter({ identities, usable }: Baseline, isFull: boolean) {
  const { relations, look, trust } = identities
  const isIntact = look?.marked !== undefined && trust.reason === undefined
  return {
    relations,
    table: look && withoutMarked(look),
    marker: isIntact ? usable?.identities?.marker : undefined,
    hasWarnedOfDeletes: trust.hasWarnedOfDeletes && !isFull,
  }
}

/** Undefined where the next run has more to do than to look. */
function unchangedAfter(
  { opened, previousRuns, identities }: Pick<Baseline, 'opened' | 'previousRuns' | 'identities'>,
  options: object,
  outcome: Pick<Unchanged, 'warnings' | 'isIdle'>,
): Unchanged | undefined {
  const { relations, reader, shape } = identities
  // What is read without a trace is read in every run.
  const isTraced = untracedChange(undefined, relations) === undefined
  if (!isTraced || opened.warnings.length > 0 || previousRuns.rejected.length > 0) return undefined
  return { options: digestOf(options), reader, shape, ...outcome }
}

const withoutMarked = ({ marked: _marked, ...table }: TableLook) => table

/** What this run itself has rejected before it was interrupted is counted already. */
function rejectedBefore(rejected: readonly RejectedRow[], executionId: string): Set<string> {
  return new Set(rejected.filter((row) => row.executionId !== executionId).map(({ key }) => key))
}

/** A row that this run itself has rejected because of others before it was interrupted; it is tried again at the end. */
function isInConflict({ executionId, sqlState }: RejectedRow, own: string): boolean {
  return executionId === own && isAboutOtherRows(sqlState)
}

/** Before `migrate` there is no column that shows through when a run without scans is complete, so every run scans. */
export function thoroughnessOf({ attempts, options }: Pick<LockedRun, 'attempts' | 'options'>) {
  const { complete, triggeredBy } = options
  return {
    readsAllFeeds: !attempts.lock.keepsIndexedWatermark || (complete ?? triggeredBy === 'manual'),
    readsAllEdits: complete === true,
  }
}

interface Resumed {
  readonly state: State
  readonly after: string
}

/** A full load that was interrupted and is still valid: of the same source, with the same definition. */
function resumable(
  unfinished: UnfinishedLoad | undefined,
  { plan, opened, identities }: Pick<Baseline, 'plan' | 'opened' | 'identities'>,
): Resumed | undefined {
  if (!unfinished || unfinished.fingerprint !== plan.fingerprint) return undefined
  const { probe, snapshot } = opened
  const { relations, look } = identities
  const state = fromJson(unfinished.state)
  if (!state?.horizon || isOtherSource(state.horizon, probe)) return undefined
  if (snapshot.next < state.horizon.snapshot.next) return undefined
  const known = state.identities
  if (known && replacedRelation(known.relations, relations)) return undefined
  if (look && (!look.hasRows || (known?.table && known.table.oid !== look.oid))) return undefined
  // A standby's snapshot does not show which commits were replayed; another one, or it after a restart, may lack some.
  if (probe.mode === 'standby' && !isSameServer(state.horizon, probe)) return undefined
  return { state, after: unfinished.resumeKey }
}

function reasonOf(
  { previousRuns, usable, opened, plan }: Pick<Baseline, 'previousRuns' | 'usable' | 'opened' | 'plan'>,
  resumed: UnfinishedLoad | undefined,
  loadType: ResolvedOptions['loadType'],
): string | null {
  if (resumed) return `resumes the full load of run ${resumed.executionId}`
  if (loadType === 'full') return null
  if (!previousRuns.lastSuccess) return 'no previous successful run'
  if (opened.bound.low !== undefined) return null
  if (!usable && previousRuns.lastSuccess.fingerprint === plan.earlierFingerprint())
    return 'the table has new columns, which a migration added'
  if (!usable)
    return 'the relation, its columns or their protection, the filter, the time zone or the transform changed'
  return opened.bound.reason ?? null
}

/** When a dry run began, of which the database holds no row. */
export interface DryRunStart {
  /** Time of the target's clock. */
  readonly startedAt: string
  /** The same by `performance.now()`. */
  readonly began: number
}

/** Closes the run's row as a success, in the open transaction, and returns its report; of a dry run the report alone. */
export async function finishRun(run: Run, dryRun: DryRunStart | undefined): Promise<SyncReport> {
  const progress = toRunRow(run, null)
  if (dryRun) return dryRunReport(run, progress, dryRun)
  const { lastWritten } = run.tally
  const marker = lastWritten === null ? undefined : markerOf(run.baseline.plan.load, lastWritten)
  return closeRun(run.target, handleOf(run), progress, marker)
}

export function handleOf({ attempts, options }: Pick<Run, 'attempts' | 'options'>): RunHandle {
  return {
    executionId: attempts.executionId,
    pipeline: options.pipeline,
    lockedIn: attempts.lock.heldIn,
    keepsIndexedWatermark: attempts.lock.keepsIndexedWatermark,
  }
}

/** Milliseconds after which the key is recorded though nothing was written: to read equal rows again costs less than to record each batch. */
export const recordEvery = 2000

/** The row of the control table as it is after `resumeKey`. */
export function toRunRow(
  { facts, tally, attempts }: Pick<Run, 'facts' | 'tally' | 'attempts'>,
  resumeKey: string | null,
): RunProgress {
  const { counts, skewUsed, phases, warnings, feedsTook } = tally
  return {
    ...facts,
    state: facts.state(feedsTook),
    ...counts,
    phases: rounded(phases),
    warnings: [...warnings, ...retryWarnings(attempts)],
    marginUsedSeconds: skewUsed === null ? null : skewUsed / 1_000_000,
    resumeKey,
  }
}

async function dryRunReport(
  { attempts, options, target }: Pick<Run, 'attempts' | 'options' | 'target'>,
  progress: RunProgress,
  { startedAt, began }: DryRunStart,
): Promise<SyncReport> {
  const { fingerprint: _fingerprint, resumeKey: _resumeKey, state: _state, ...facts } = progress
  return {
    ...facts,
    executionId: attempts.executionId,
    pipeline: options.pipeline,
    status: 'success',
    triggeredBy: options.triggeredBy,
    startedAt,
    completedAt: await clockOf(target),
    durationSeconds: Math.round(performance.now() - began) / 1000,
    errorCode: null,
    errorMessage: null,
    dryRun: true,
  }
}
