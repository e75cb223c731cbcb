/** How a run was started, for the control table: by hand, by cron or a timer, or by the REST API. */
export type TriggeredBy = 'manual' | 'scheduler' | 'api'

/** `incremental` reads what changed since the last successful run; `full` reads everything and soft-deletes what is missing. */
export type LoadType = 'incremental' | 'full'

/** Milliseconds spent in each part of a run. Reading overlaps loading, so the parts can add up to more than the whole. */
export interface Phases {
  readonly connect: number
  readonly probe: number
  readonly feeds: number
  readonly extract: number
  readonly transform: number
  readonly load: number
  readonly deletes: number
}

/** Something that an operator should know although the run did not fail. */
export interface Warning {
  readonly code:
    | 'MARGIN_HALF_USED'
    | 'MARGIN_USED_UP'
    | 'HELD_BACK'
    | 'COLUMNS_IGNORED'
    | 'COLUMNS_LOSSY'
    | 'COLUMNS_HELD'
    | 'TIME_ZONE_UNKNOWN'
    | 'TAKEN_OVER'
    | 'RETRIED'
    | 'ROWS_REJECTED'
    | 'VALUES_RELEASED'
    | 'CHANGED_BY_TRIGGER'
    | 'TARGET_ROWS_DELETED'
    | 'PARTITIONS_GONE'
    | 'CHANGED_AT_ZONE_UNKNOWN'
    | 'PARALLEL_REDUCED'
    | 'LAKE_FAILED'
  readonly message: string
}

/** Rows of a run by outcome. */
export interface Counts {
  /** Rows read from the source: always the sum of inserted, updated, unchanged and rejected. */
  readonly rowsExtracted: number
  /** Rows that were new to the target. */
  readonly rowsInserted: number
  /** Rows whose content differed, among them those that had been soft-deleted and exist again. */
  readonly rowsUpdated: number
  /** Rows that were equal already and cost no write. */
  readonly rowsUnchanged: number
  /** Rows that the target rejected; they are recorded in `etl_rejects`. */
  readonly rowsRejected: number
  /** Rows soft-deleted, as the source no longer has them. They were not read, so they are not part of the sum. */
  readonly rowsDeleted: number
}

/**
 * What a run did: the row that `etl_control` holds, and the JSON that `sync --json` prints.
 * Times are texts with microseconds; `startedAt` and `completedAt` with offset, watermarks in the source's own UTC without.
 */
export interface SyncReport extends Counts {
  readonly executionId: string
  readonly pipeline: string
  readonly status: 'running' | 'success' | 'failed'
  readonly loadType: LoadType
  readonly triggeredBy: TriggeredBy
  /** Why an incremental run was a full load, or which full load this one resumed; else null. */
  readonly reason: string | null
  readonly startedAt: string
  readonly completedAt: string | null
  readonly durationSeconds: number | null
  /** Changes stamped from here on were read; null for everything. */
  readonly watermarkStart: string | null
  /** The target equals the source as of this time of the source's clock. */
  readonly watermarkEnd: string | null
  /** The same for all changes but those that only a column without an index shows, where the run left these out; never earlier. */
  readonly watermarkIndexed: string | null
  readonly phases: Partial<Phases>
  readonly warnings: readonly Warning[]
  readonly horizonMode: 'primary' | 'standby' | null
  /** How much of `skewAllowance` late stamps used up. */
  readonly marginUsedSeconds: number | null
  readonly errorCode: string | null
  readonly errorMessage: string | null
  /** A dry run counts what would happen and writes nothing, so it has no row in the control table. */
  readonly dryRun: boolean
}
