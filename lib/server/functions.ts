import type { LoadType, SyncReport } from '../domain/report.js'
import type { VerifyReport } from '../domain/verification.js'
import type { Progress } from '../options.js'
import type { RunPage, RunQuery, Stats } from './control-reader.js'

/** What the server asks of a run. Each field fits the option of `syncConversations` that has its name. */
export interface RunRequest {
  readonly loadType: LoadType
  readonly triggeredBy: 'api'
  /** Fires when the server is told to stop. */
  readonly signal: AbortSignal
  readonly onStart: (executionId: string) => void
  readonly onProgress: (progress: Progress) => void
}

/** What the server asks of a comparison; the fields fit the options of `verifyConversations`. */
export interface VerifyRequest {
  readonly sample: number
  readonly repair: boolean
  readonly signal: AbortSignal
}

/** The fields fit the options of `checkHealth`. */
export interface HealthRequest {
  /** Of the messages, and of what to do. */
  readonly language: 'en' | 'pt-BR'
}

/** One thing that was looked at: as `checkHealth` tells it. */
export interface HealthFinding {
  readonly name: string
  readonly outcome: 'ok' | 'warning' | 'critical'
  readonly value: number | null
  /** seconds, milliseconds, runs, rows, or share (0 to 1). */
  readonly unit: string
  readonly limit: number | null
  readonly criticalLimit: number | null
  readonly message: string
  readonly remedy: string | null
}

/** What `checkHealth` gives: the worst of the checks, and all of them. */
export interface Health {
  readonly healthy: boolean
  readonly outcome: HealthFinding['outcome']
  readonly pipeline: string
  readonly checks: readonly HealthFinding[]
}

/**
 * All that the server can do, as functions: it knows neither how a run works nor how health is told, so that a service can hand in its
 * own. The readers are those of `openRunReader`, unless others are wanted.
 */
export interface ServerFunctions {
  /** Resolves when the run is done; calls `onStart` with its id when its row was opened. */
  readonly startRun: (request: RunRequest) => Promise<SyncReport>
  readonly readRuns: (query: RunQuery) => Promise<RunPage>
  readonly readRun: (executionId: string) => Promise<SyncReport | undefined>
  readonly readStats: () => Promise<Stats>
  readonly verify: (request: VerifyRequest) => Promise<VerifyReport>
  readonly health: (request: HealthRequest) => Promise<Health>
  /** When the next run is to begin, as far as it is known. (Default: unknown, as the schedule is another program's.) */
  readonly nextRun?: (() => Date | null | Promise<Date | null>) | undefined
}
