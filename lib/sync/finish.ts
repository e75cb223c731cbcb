import type { Phases, SyncReport } from '../domain/report.js'
import { closeRun, type RunHandle, type RunProgress } from '../postgres/control/runs.js'
import { clockOf } from '../postgres/driver/clock.js'
import { markerOf } from '../postgres/target/table-identity.js'
import { retryWarnings } from './attempts.js'
import type { Run } from './prepare.js'

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
  }
}

/** The row of the control table as it is after `resumeKey`. */
export function toRunRow(
  { facts, tally, attempts }: Pick<Run, 'facts' | 'tally' | 'attempts'>,
  resumeKey: string | null,
): RunProgress {
  const { counts, skewUsed, phases, warnings } = tally
  return {
    ...facts,
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

function rounded(phases: Phases): Phases {
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
