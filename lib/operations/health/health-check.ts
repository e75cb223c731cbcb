/** The result of one check: of the runs of a pipeline, of a server, or of the disk of the log files. */
export interface HealthCheck {
  /** Stable: target, source, last-success, watermark-lag, scan-lag, running-run, failures, rejected-rows, deleted-rows, differences, lake, margin, log-disk. */
  readonly name: string
  /** `critical`: somebody has to act now; `warning`: soon. */
  readonly outcome: 'ok' | 'warning' | 'critical'
  /** What was measured; null where there is nothing to measure yet. */
  readonly value: number | null
  /** seconds, milliseconds, runs, rows, or share (0 to 1). */
  readonly unit: string
  /** Above it the outcome is a warning. */
  readonly limit: number | null
  /** Above it the outcome is critical. */
  readonly criticalLimit: number | null
  readonly message: string
  /** What to do about it; null when the outcome is ok. */
  readonly remedy: string | null
}

/** The object that `health --json` prints. */
export interface HealthReport {
  /** Nothing is critical. */
  readonly healthy: boolean
  /** The worst of the checks. */
  readonly outcome: HealthCheck['outcome']
  readonly pipeline: string
  readonly checks: readonly HealthCheck[]
}

export type { Language } from '../../domain/quantity-text.js'

/** The report of these checks. */
export function toReport(pipeline: string, checks: readonly HealthCheck[]): HealthReport {
  const has = (outcome: HealthCheck['outcome']) => checks.some((check) => check.outcome === outcome)
  const outcome = has('critical') ? 'critical' : has('warning') ? 'warning' : 'ok'
  return { healthy: outcome !== 'critical', outcome, pipeline, checks }
}
