import type { LoadType, SyncReport } from '../domain/report.js'
import type { VerifyReport } from '../domain/verification.js'
import type { Progress } from '../options.js'
import type { RunPage, RunQuery, Stats } from './run-reader.js'

/** What `startRun` receives. Each field is an option of `syncConversations` of the same name. */
export interface RunRequest {
  readonly loadType: LoadType
  readonly triggeredBy: 'api'
  /** Undefined to keep to the budget for scans. */
  readonly complete?: true | undefined
  /** Fires when the server is stopped. */
  readonly signal: AbortSignal
  /** To be called once, with the id of the run, when its row has been written: the request is answered then. */
  readonly onStart: (executionId: string) => void
  /** To be called as often as is convenient while the run proceeds: its listeners receive it at most five times a second. */
  readonly onProgress: (progress: Progress) => void
}

/** What `verify` receives. Each field is an option of `verifyConversations` of the same name. */
export interface VerifyRequest {
  /** Share of the rows to compare: more than 0, at most 1. */
  readonly sample: number
  /** Whether to repair the differences. */
  readonly repair: boolean
  /** Fires when the server is stopped. */
  readonly signal: AbortSignal
}

/** What `health` receives: an option of `checkHealth` of the same name. */
export interface HealthRequest {
  /** Language of the messages and remedies. */
  readonly language: 'en' | 'pt-BR'
}

/** One check, as `checkHealth` returns it. */
export interface HealthFinding {
  readonly name: string
  readonly outcome: 'ok' | 'warning' | 'critical'
  /** What was measured, in `unit`; null when it could not be. */
  readonly value: number | null
  /** seconds, milliseconds, runs, rows, or share (0 to 1). */
  readonly unit: string
  /** Above it the outcome is a warning. */
  readonly limit: number | null
  /** Above it the outcome is critical. */
  readonly criticalLimit: number | null
  readonly message: string
  readonly remedy: string | null
}

/** What `checkHealth` returns: the worst outcome of the checks, and all of them. */
export interface Health {
  /** Whether nothing is critical. */
  readonly healthy: boolean
  readonly outcome: HealthFinding['outcome']
  readonly pipeline: string
  readonly checks: readonly HealthFinding[]
}

/**
 * Everything that the server can do, as functions: it does not know how a run works or how health is checked, so a service can replace any
 * of them. What they throw becomes a problem of RFC 9457: a SyncError with its code, 409 for LOCKED, 400 for CONFIG_INVALID, 503 for what
 * may pass, such as TARGET_UNREACHABLE; everything else 500 with INTERNAL, which shows nothing of the error and logs it. The readers are
 * usually those of `openRunReader`.
 */
export interface ServerFunctions {
  /**
   * Resolves when the run has ended, and calls `onStart` with its id when its row has been written. What it throws before that is the
   * answer to the request; what it throws later should be in the row.
   */
  readonly startRun: (request: RunRequest) => Promise<SyncReport>
  /** Runs, newest first. */
  readonly readRuns: (query: RunQuery) => Promise<RunPage>
  /** One run; undefined when the pipeline has none with this id. */
  readonly readRun: (executionId: string) => Promise<SyncReport | undefined>
  readonly readStats: () => Promise<Stats>
  readonly verify: (request: VerifyRequest) => Promise<VerifyReport>
  /** Called at most once in two seconds for each language, and once a second for the metrics. */
  readonly health: (request: HealthRequest) => Promise<Health>
  /** Start of the next run, null when it is not known. (Default: not known, as another program may have the schedule.) */
  readonly nextRun?: (() => Date | null | Promise<Date | null>) | undefined
}
