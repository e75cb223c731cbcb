import type { Session } from '../../postgres/driver/session.js'
import type { LoadPlan } from '../../postgres/target/load-plan.js'
import type { Tally } from '../tally.js'
import type { RejectRules } from './rejects.js'
import type { RowTransform } from './transform-rows.js'

/** Where batches go, and by which rules. */
export interface LoadContext {
  readonly target: Session
  readonly plan: LoadPlan
  readonly tally: Tally
  /** Counts what would be written. */
  readonly dryRun: boolean
  readonly transform: RowTransform | undefined
  readonly rejects: RejectRules
  /** Present where late timestamps are measured, which only an incremental run can do. */
  readonly skew: SkewMeasure | undefined
  readonly signal: AbortSignal | undefined
}

export interface SkewMeasure {
  /** The low watermark without its allowance; microseconds. */
  readonly since: number
  /** Keys that are read for another reason than their stamp. */
  readonly retried: ReadonlySet<string>
}
