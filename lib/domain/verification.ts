/** What a comparison of source and target found: the row that `etl_verification` holds, and the JSON that `verify --json` prints. */
export interface VerifyReport {
  readonly verificationId: string
  readonly pipeline: string
  readonly startedAt: string
  readonly completedAt: string
  readonly durationSeconds: number
  /** Time of the source as of which it was compared, UTC. */
  readonly sourceTime: string | null
  /** Share of the ranges of keys that were compared, 0 to 1. */
  readonly sample: number
  /** Rows of the source that were compared. */
  readonly rowsCompared: number
  /** Rows that the target lacks and that the next run would not read. */
  readonly rowsMissing: number
  /** Rows whose content differs and that the next run would not read. */
  readonly rowsStale: number
  /** Rows that no longer exist in the source. */
  readonly rowsExtra: number
  /** Keys that the table holds more than once, which only a partitioned one can; whatever else is wrong with them is not counted. */
  readonly rowsDouble: number
  /** Of the stale and extra rows, those whose change stamp had not moved: no change column showed it. */
  readonly rowsSilent: number
  /** Rows that changed since the last run and that the next one will read; no fault. */
  readonly rowsPending: number
  /** Rows that the target rejects: they are in `etl_rejects`, and each run tries them again. Not counted as missing or stale. */
  readonly rowsRejected: number
  readonly rowsRepaired: number
  /** How many stale rows differ in each column, of the first thousand. */
  readonly differingColumns: Readonly<Record<string, number>>
  /** The first hundred keys that are missing, stale, extra or double. */
  readonly differingKeys: readonly string[]
}

/** Differences that are left: what was found, less what was repaired. */
export function differencesLeft(report: VerifyReport): number {
  return report.rowsMissing + report.rowsStale + report.rowsExtra + report.rowsDouble - report.rowsRepaired
}
