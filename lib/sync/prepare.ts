import { isOtherSource, isSameServer } from '../domain/horizon.js'
import { formatMicros } from '../domain/micros.js'
import type { Warning } from '../domain/report.js'
import type { ResolvedOptions } from '../options.js'
import type { Inheritance } from '../postgres/control/runs.js'
import type { OwnRun } from '../postgres/control/own-run.js'
import type { RejectedRow } from '../postgres/control/rejects.js'
import type { RenewableSession } from '../postgres/driver/reconnecting-session.js'
import type { Session } from '../postgres/driver/session.js'
import { readBaseline } from '../pipeline/prepare/baseline.js'
import { planEdits, type EditPlan } from '../pipeline/prepare/edits.js'
import type { Outlook } from '../pipeline/prepare/snapshot.js'
import type { Plan } from '../pipeline/prepare/plan.js'
import type { Course } from './attempts.js'
import { measure, newTally, type Run } from './run.js'
import { fromJson, toJson, type State } from '../pipeline/prepare/state.js'

/** What a run begins with, or goes on with after it was interrupted. */
export interface Beginning {
  readonly source: RenewableSession
  readonly target: Session
  readonly course: Course
  /** What it had committed. */
  readonly own: OwnRun | undefined
  readonly options: ResolvedOptions
}

/** Checks both sides, opens the source's snapshot and decides what to read: everything, the rest of everything, or what changed. */
export async function prepareRun({ source, target, course, own, options }: Beginning): Promise<Run> {
  const tally = newTally(own?.report)
  const baseline = await measure(tally, 'probe', () => readBaseline(source, target, options))
  const { plan, last, usable, outlook, timeZones } = baseline
  const inherited = { ...baseline.inherited, unfinished: own?.unfinished ?? baseline.inherited.unfinished }
  const unfinished = resumable(inherited, plan, outlook, options)
  const isFull = options.loadType === 'full' || outlook.low === undefined
  const resumed = isFull ? unfinished : undefined
  const edits = isFull ? undefined : plannedEdits(outlook, usable, options)
  const { protectionDigest } = plan
  const state = { ...(resumed?.state ?? stateAfter(outlook, edits)), timeZones, protectionDigest }
  tally.warnings.push(...plan.warnings, ...outlook.warnings, ...unknownZones(timeZones))
  return {
    executionId: course.executionId,
    course,
    options,
    source,
    target,
    plan,
    outlook: { ...outlook, isIdle: outlook.isIdle && !leftToLook(edits, usable) },
    tally,
    loadType: isFull ? 'full' : 'incremental',
    reason: own?.unfinished
      ? own.report.reason
      : reasonOf({
          inherited,
          usable: usable !== undefined,
          outlook,
          resumed: resumed !== undefined,
          options,
        }),
    after: resumed?.after ?? null,
    rejectedBefore: rejectedBefore(baseline.rejected, course),
    isNewSource: last?.horizon !== undefined && isOtherSource(last.horizon, outlook.probe),
    // After another program's history, what the small tables were is not known; renames from now on are.
    before: usable?.smallTables ?? outlook.smallTables,
    edits: edits?.bounds,
    state,
    timeZones,
    stateText: state.horizon ? toJson(state) : null,
    watermarkStart: isFull || outlook.low === undefined ? null : formatMicros(outlook.low),
    watermarkEnd: state.horizon ? formatMicros(state.horizon.at) : null,
  }
}

/** What this run has refused itself, before it was interrupted, is counted already. */
function rejectedBefore(rejected: readonly RejectedRow[], { executionId }: Course): Set<string> {
  return new Set(rejected.filter((row) => row.executionId !== executionId).map(({ key }) => key))
}

function plannedEdits({ low, probe, messages }: Outlook, last: State | undefined, options: ResolvedOptions) {
  if (low === undefined || probe.at === null || options.relation) return undefined
  return planEdits(last?.edits, { at: probe.at, low, messages }, options)
}

/** This run looks at all messages, and runs since the last look have left edits out: also when nothing was written meanwhile. */
function leftToLook(edits: EditPlan | undefined, last: State | undefined): boolean {
  return edits?.bounds.among === null && typeof last?.edits?.since === 'number'
}

/** Everything that was read includes every edit. */
function stateAfter({ horizon, smallTables, probe }: Outlook, edits: EditPlan | undefined) {
  const looked = probe.at === null ? undefined : { lookedAt: probe.at, since: null }
  return { horizon, smallTables, edits: edits?.next ?? looked }
}

function unknownZones(timeZones: Readonly<Record<string, boolean>>): Warning[] {
  const unknown = Object.entries(timeZones).flatMap(([name, isKnown]) => (isKnown ? [] : [name]))
  if (unknown.length === 0) return []
  const message = `Time zones of inboxes that the servers do not both know, so that UTC stands for them: ${unknown.join(', ')}.`
  return [{ code: 'TIME_ZONE_UNKNOWN', message }]
}

interface Resumed {
  readonly state: State
  readonly after: string
}

/** A full read that was cut off and still holds: of the same source, with the same definition. */
function resumable(
  { unfinished }: Inheritance,
  plan: Plan,
  { probe, snapshot }: Outlook,
  options: ResolvedOptions,
): Resumed | undefined {
  if (!unfinished || unfinished.fingerprint !== plan.fingerprint) return undefined
  const state = fromJson(unfinished.state)
  if (!state?.horizon || isOtherSource(state.horizon, probe) || snapshot.next < state.horizon.snapshot.next)
    return undefined
  // Of a standby the snapshot does not tell which commits were replayed; another one, or it after a restart, may lack some.
  if (probe.mode === 'standby' && !isSameServer(state.horizon, probe)) return undefined
  return options.dryRun ? undefined : { state, after: unfinished.resumeKey }
}

interface Circumstances {
  readonly inherited: Inheritance
  readonly usable: boolean
  readonly outlook: Outlook
  readonly resumed: boolean
  readonly options: ResolvedOptions
}

function reasonOf({ inherited, usable, outlook, resumed, options }: Circumstances): string | null {
  if (resumed) return `goes on with the full read of run ${inherited.unfinished?.executionId ?? ''}`
  if (options.loadType === 'full') return null
  if (!inherited.good) return 'there is no good run to go on from'
  if (outlook.low !== undefined) return null
  if (!usable)
    return 'the relation, its columns or their protection, the filter, the time zone or the transform changed'
  return outlook.reason ?? null
}
