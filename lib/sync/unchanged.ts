import { bothOf } from '../domain/abort.js'
import {
  formatMicros,
  lowerBound,
  nextState,
  nothingWritten,
  observe,
  onClockOf,
  type HorizonState,
  type Probe,
  type Snapshot,
} from '../domain/horizon.js'
import type { SyncReport } from '../domain/report.js'
import {
  completeThrough,
  isScanDue,
  statesMovedBack,
  statesWhenIdle,
  type FeedStates,
} from '../domain/scan-budget.js'
import type { ResolvedOptions } from '../options.js'
import { placeToLook } from '../pipeline/prepare/baseline.js'
import { glanceAtSource, type Glance } from '../pipeline/prepare/snapshot.js'
import {
  digestOf,
  heldBack,
  toJson,
  type ScanState,
  type Earlier,
  type KnownIdentities,
  type State,
  type Unchanged,
} from '../pipeline/prepare/state.js'
import { measure, newTally } from '../pipeline/tally.js'
import { rejectedRowsQuery } from '../postgres/control/run-rows.js'
import { closeRun } from '../postgres/control/runs.js'
import { clockQuery } from '../postgres/driver/clock.js'
import type { Session } from '../postgres/driver/session.js'
import { onlyRow } from '../postgres/driver/statement.js'
import { isAsLeft, lookQuery, shapeQuery, toLook } from '../postgres/target/table-identity.js'
import { handleOf, thoroughnessOf, toRunRow, type LockedRun } from './run.js'

/**
 * Closes the run with its report where nothing was written in the source since the last one, and where the options, the role of the source and
 * the table are those of then: neither side has to be described again, as each change of a definition takes a transaction id as well.
 * Undefined where any of it is not certain, and nothing was done.
 */
export async function finishUnchanged(
  run: Pick<LockedRun, 'source' | 'target' | 'attempts' | 'options' | 'glance'>,
  { previousRuns, last }: Earlier,
  connect: number,
): Promise<SyncReport | undefined> {
  const { target, options } = run
  const { lastSuccess, unfinished } = previousRuns
  if (!lastSuccess?.fingerprint || unfinished || !isSettled(last) || options.loadType === 'full')
    return undefined
  if (last.identities.unchanged.options !== digestOf(options)) return undefined
  const tally = newTally()
  tally.phases.connect = connect
  tally.warnings.push(...last.identities.unchanged.warnings)
  const { readsAllFeeds: isComplete } = thoroughnessOf(run)
  const found = await measure(tally, 'probe', () => lookAgain(run, last, isComplete))
  if (!found) return undefined
  const facts = {
    loadType: 'incremental',
    reason: null,
    watermarkStart: formatMicros(found.low),
    watermarkEnd: formatMicros(completeThrough(found.feeds, found.horizon.at)),
    watermarkIndexed: formatMicros(found.horizon.at),
    horizonMode: found.horizon.mode,
    fingerprint: lastSuccess.fingerprint,
    state: () => toJson({ ...last, horizon: found.horizon, scans: scansAfter(last, found.feeds, options) }),
  } as const
  return closeRun(target, handleOf(run), toRunRow({ facts, tally, attempts: run.attempts }, null))
}

type Settled = State & {
  readonly horizon: HorizonState
  readonly identities: KnownIdentities & { readonly unchanged: Unchanged & { readonly shape: string } }
}

/** The last run has seen the table as it is described, and left nothing for another one. */
function isSettled(last: State | undefined): last is Settled {
  return last?.horizon !== undefined && typeof last.identities?.unchanged?.shape === 'string'
}

/** Both sides at once; undefined where there may be something to do, or something is left that is due. */
async function lookAgain(
  { source, target, options, glance }: Pick<LockedRun, 'source' | 'target' | 'options' | 'glance'>,
  last: Settled,
  isComplete: boolean,
): Promise<Quiet | undefined> {
  const [here, there] = await bothOf(
    isInOrder(glance) ? Promise.resolve(glance) : glanceAtSource(source, options, last.horizon.identity),
    lookAtTarget(target, options),
  )
  if (!here || !there) return undefined
  const { look, shape, at, rejects } = there
  if (!look || rejects > 0 || shape !== last.identities.unchanged.shape || !isAsLeft(last.identities, look))
    return undefined
  if (here.probe.reader !== last.identities.unchanged.reader || isEditScanDue(last, here.probe, options))
    return undefined
  const quiet = stillQuiet(last.horizon, { ...here, at }, options)
  if (!quiet) return undefined
  const before = statesMovedBack(last.scans?.feeds, quiet.setBack)
  const { at: now } = quiet.horizon
  if (isScanDue(before, now, { ...options, isComplete })) return undefined
  return { ...quiet, feeds: statesWhenIdle(before, now) }
}

const scansAfter = (
  { scans }: Pick<State, 'scans'>,
  feeds: FeedStates | undefined,
  { scanEvery }: Pick<ResolvedOptions, 'scanEvery'>,
): ScanState => ({ edits: scans?.edits, editsAmong: scans?.editsAmong, feeds, scanEvery })

interface Quiet {
  readonly horizon: HorizonState
  readonly low: number
  readonly feeds: FeedStates | undefined
}

/** Milliseconds between a glance at the source and the clock of the target that is compared with it. */
const togetherFor = 500

/** The time of a standby may stand still, so that a glance before the lock could lie before the last run without a sign of it. */
function isInOrder(glance: Glance | undefined): glance is Glance {
  return glance?.probe.mode === 'primary' && performance.now() - glance.sentAt < togetherFor
}

/** What the horizon has to say: nothing was written, from where a run would have read, and what the next one starts from. */
function stillQuiet(
  kept: HorizonState,
  { probe, snapshot, at }: { readonly probe: Probe; readonly snapshot: Snapshot; readonly at: number },
  { skewAllowance }: Pick<ResolvedOptions, 'skewAllowance'>,
) {
  const last = onClockOf(probe, kept, at)
  const trace = observe(last, probe)
  const bound = lowerBound(last, trace, probe, snapshot, skewAllowance * 1000)
  const horizon = nextState(trace, probe, snapshot)
  if (!horizon || !('low' in bound) || !nothingWritten(last, trace, probe, snapshot)) return undefined
  if (heldBack(trace, { probe, snapshot }, skewAllowance).length > 0) return undefined
  return { low: bound.low, setBack: kept.at - last.at, horizon: { ...horizon, targetAt: at } }
}

/** Runs since the last scan of all messages have left edits out, and the time for the next one has come. */
function isEditScanDue(
  { scans }: Pick<State, 'scans'>,
  { at }: Probe,
  { editScanEvery, complete }: Pick<ResolvedOptions, 'editScanEvery' | 'complete'>,
): boolean {
  const edits = scans?.edits
  if (typeof edits?.since !== 'number') return false
  return complete === true || at === null || at - edits.lookedAt >= editScanEvery * 1000
}

/** Undefined where that fails: it is looked at again in full, where the error names its cause. */
async function lookAtTarget(
  target: Session,
  options: Pick<ResolvedOptions, 'table' | 'relation' | 'pipeline'>,
) {
  const place = placeToLook(target, options)
  const queries = [
    clockQuery,
    lookQuery(place),
    shapeQuery(place.table),
    rejectedRowsQuery(place.pipeline),
  ] as const
  try {
    const [clock, seen, [shape], rejected] = await target.together(queries)
    const at = Number(onlyRow(clock).now)
    return { at, look: toLook(seen), shape: shape?.shape, rejects: rejected.length }
  } catch (error) {
    if (target.lost.aborted) throw error
    return undefined
  }
}
