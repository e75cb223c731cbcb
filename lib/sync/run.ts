import type { EditBounds, SmallTables } from '../chatwoot/feeds.js'
import type { Micros } from '../domain/micros.js'
import type { Counts, LoadType, Phases, Warning } from '../domain/report.js'
import type { Progress, ResolvedOptions } from '../options.js'
import type { RunProgress } from '../postgres/control/runs.js'
import type { RenewableSession } from '../postgres/driver/reconnecting-session.js'
import type { Session } from '../postgres/driver/session.js'
import type { Outlook } from '../pipeline/prepare/snapshot.js'
import type { Plan } from '../pipeline/prepare/plan.js'
import type { State } from '../pipeline/prepare/state.js'
import { retryWarnings, type Course } from './attempts.js'
import { hookFailed } from '../domain/hook-failed.js'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** What a run has counted so far. The database gives the counts; this only adds them up. */
export type Tally = Mutable<Counts> & {
  /** Different keys that were loaded. */
  keys: number
  /** Under how many snapshots of the source rows were read. */
  snapshots: number
  marginUsed: Micros | null
  /** Those of the rejected rows that an incremental run had to leave out before, too. */
  rejectedAgain: number
  /** Rejected rows by the reason. */
  readonly rejectReasons: Map<string, number>
  readonly phases: Record<keyof Phases, number>
  readonly warnings: Warning[]
}

/** A run with everything it works with, once the source has been looked at. */
export interface Run {
  readonly executionId: string
  readonly course: Course
  readonly options: ResolvedOptions
  readonly source: RenewableSession
  readonly target: Session
  readonly plan: Plan
  readonly outlook: Outlook
  readonly loadType: LoadType
  readonly reason: string | null
  /** Last key of an earlier full read that this one goes on from. */
  readonly after: string | null
  /** Keys of rows that earlier runs had to leave out; this run tries them again. */
  readonly rejectedBefore: ReadonlySet<string>
  /** The source is not the one that the last good run read. */
  readonly isNewSource: boolean
  /** The small tables as the last good run saw them. */
  readonly before: SmallTables | undefined
  /** Which edited messages to look for; undefined where everything is read. */
  readonly edits: EditBounds | undefined
  /** What the next run goes on from, were this one to end well. */
  readonly state: State
  readonly timeZones: Readonly<Record<string, boolean>>
  readonly stateText: string | null
  readonly watermarkStart: string | null
  readonly watermarkEnd: string | null
  readonly tally: Tally
}

/** Begins with what the run had committed before it was interrupted. */
export function newTally(committed?: Counts): Tally {
  return {
    rowsExtracted: committed?.rowsExtracted ?? 0,
    rowsInserted: committed?.rowsInserted ?? 0,
    rowsUpdated: committed?.rowsUpdated ?? 0,
    rowsUnchanged: committed?.rowsUnchanged ?? 0,
    rowsRejected: committed?.rowsRejected ?? 0,
    rowsDeleted: committed?.rowsDeleted ?? 0,
    keys: 0,
    snapshots: 1,
    marginUsed: null,
    rejectedAgain: 0,
    rejectReasons: new Map(),
    phases: { connect: 0, probe: 0, feeds: 0, extract: 0, transform: 0, load: 0, deletes: 0 },
    warnings: [],
  }
}

/** The row of the control table as it stands after `resumeKey`. */
export function progressOf(run: Run, resumeKey: string | null): RunProgress {
  const {
    keys: _keys,
    snapshots: _snapshots,
    rejectReasons: _reasons,
    rejectedAgain: _again,
    ...tally
  } = run.tally
  const { marginUsed, phases, warnings, ...counts } = tally
  return {
    ...counts,
    loadType: run.loadType,
    reason: run.reason,
    watermarkStart: run.watermarkStart,
    watermarkEnd: run.watermarkEnd,
    phases: rounded(phases),
    warnings: [...warnings, ...retryWarnings(run.course)],
    horizonMode: run.outlook.probe.mode,
    marginUsedSeconds: marginUsed === null ? null : marginUsed / 1_000_000,
    fingerprint: run.plan.fingerprint,
    resumeKey,
    state: run.stateText,
    lockedIn: run.course.lockedIn,
  }
}

/** Adds the milliseconds that the work takes to a phase. */
export async function measure<T>(tally: Tally, phase: keyof Phases, work: () => Promise<T>): Promise<T> {
  const began = performance.now()
  try {
    return await work()
  } finally {
    tally.phases[phase] += performance.now() - began
  }
}

/** Tells the caller; an error of his fails the run. */
export function report(run: Run, phase: Progress['phase'], rowsExpected: number | null): void {
  const { onProgress } = run.options
  if (!onProgress) return
  try {
    onProgress({ phase, rowsExtracted: run.tally.rowsExtracted, rowsExpected })
  } catch (cause) {
    throw hookFailed('onProgress', cause)
  }
}

function rounded(phases: Tally['phases']): Phases {
  const round = (name: keyof Phases) => Math.round(phases[name] * 10) / 10
  return {
    connect: round('connect'),
    probe: round('probe'),
    feeds: round('feeds'),
    extract: round('extract'),
    transform: round('transform'),
    load: round('load'),
    deletes: round('deletes'),
  }
}
