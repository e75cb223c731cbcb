/** What `partitionTable` has done or, in a dry run, would do. */
export interface PartitionReport {
  /** With its schema. */
  readonly table: string
  /**
   * `partitioned` and `unpartitioned`: the table was rebuilt. `months-added`: it is partitioned already, and months were made, or none was missing.
   * `before-dropped`: the table of before was dropped. `cancelled`: what was built was dropped, or there was nothing.
   */
  readonly action: 'partitioned' | 'unpartitioned' | 'months-added' | 'before-dropped' | 'cancelled'
  readonly dryRun: boolean
  /** Months that the table has now; those that were added where it had been partitioned. */
  readonly months: number
  readonly rows: number
  /** Bytes of the table with its indexes, which the copy needs once more until the table of before is dropped. */
  readonly bytes: number
  /** Names of the views that read the new table now. */
  readonly views: readonly string[]
  /** Each month has a check of `conversation_date`, so that queries of days leave out the other months. */
  readonly hasDateChecks: boolean
  /** The table as it was, which stays until it is dropped by this name; null where there is none. */
  readonly before: string | null
  /** An estimate, from the bytes alone; null where nothing is to be copied. */
  readonly estimatedSeconds: number | null
  /** How often the exchange of the tables was tried before nobody used them for long enough. */
  readonly attempts: number
  readonly durationSeconds: number
}

/** Where a rebuilding is. */
export interface PartitionProgress {
  readonly phase: 'copy' | 'indexes' | 'changes' | 'swap'
  /** The month that is copied next, such as 2026-03; null in the other phases. */
  readonly month: string | null
  readonly monthsDone: number
  readonly monthsExpected: number
  readonly rowsDone: number
  readonly rowsExpected: number
}
