import type { SyncReport } from '../domain/report.js'
import { clockOf } from '../postgres/control/verification.js'
import { progressOf, type Run } from './run.js'

/** The report of a dry run, of which the database holds nothing. `startedAt` is a time of the target's clock. */
export async function rehearsalReport(
  run: Run,
  startedAt: string,
  milliseconds: number,
): Promise<SyncReport> {
  const {
    fingerprint: _fingerprint,
    resumeKey: _resumeKey,
    state: _state,
    lockedIn: _lockedIn,
    ...progress
  } = progressOf(run, null)
  return {
    ...progress,
    executionId: run.executionId,
    pipeline: run.options.pipeline,
    status: 'success',
    triggeredBy: run.options.triggeredBy,
    startedAt,
    completedAt: await clockOf(run.target),
    durationSeconds: Math.round(milliseconds) / 1000,
    errorCode: null,
    errorMessage: null,
    dryRun: true,
  }
}
