/** One thing that was looked at; of no pipeline where it is about the surroundings. */
export interface HealthCheck {
  /** Stable: target, source, last-success, watermark-lag, running-run, failures, rejected-rows, differences, margin, log-disk. */
  readonly name: string
  /** `critical` wants somebody now, `warning` soon. */
  readonly outcome: 'ok' | 'warning' | 'critical'
  /** What was found; null where there is nothing yet. */
  readonly value: number | null
  /** seconds, milliseconds, runs, rows, or share (0 to 1). */
  readonly unit: string
  /** Above it the outcome is a warning. */
  readonly limit: number | null
  /** Above it the outcome is critical. */
  readonly criticalLimit: number | null
  readonly message: string
  /** What to do; null when all is well. */
  readonly remedy: string | null
}

/** What `health --json` prints. */
export interface HealthReport {
  /** Nothing is critical. */
  readonly healthy: boolean
  /** The worst of the checks. */
  readonly outcome: HealthCheck['outcome']
  readonly pipeline: string
  readonly checks: readonly HealthCheck[]
}

export type Language = 'en' | 'pt-BR'

/** The report over these checks. */
export function toReport(pipeline: string, checks: readonly HealthCheck[]): HealthReport {
  const has = (outcome: HealthCheck['outcome']) => checks.some((check) => check.outcome === outcome)
  const outcome = has('critical') ? 'critical' : has('warning') ? 'warning' : 'ok'
  return { healthy: outcome !== 'critical', outcome, pipeline, checks }
}
