import type { SyncReport } from '../domain/report.js'
import { progressOf, type Run } from './run.js'

/** The report of a dry run, of which the database holds nothing. Milliseconds. */
export function rehearsalReport(run: Run, duration: number): SyncReport {
  const {
    fingerprint: _fingerprint,
    resumeKey: _resumeKey,
    state: _state,
    ...progress
  } = progressOf(run, null)
  const ended = Date.now()
  return {
    ...progress,
    executionId: run.executionId,
    pipeline: run.options.pipeline,
    status: 'success',
    triggeredBy: run.options.triggeredBy,
    startedAt: new Date(ended - duration).toISOString(),
    completedAt: new Date(ended).toISOString(),
    durationSeconds: Math.round(duration) / 1000,
    errorCode: null,
    errorMessage: null,
    dryRun: true,
  }
}
