import type { VersionCounts } from '../../postgres/control/lake-versions.js'

/** What `replicateToLake` has done. Times are texts in UTC. */
export interface LakeReport extends VersionCounts {
  readonly pipeline: string
  /** Its place: a folder, or bucket and prefix. */
  readonly lake: string
  readonly table: string
  /** The newest version of the lake; null where a check found none. */
  readonly version: number | null
  /** Whether this call wrote it; where nothing has changed there is no new one. */
  readonly committed: boolean
  /** Why it was written; null where it was not. */
  readonly reason: string | null
  /** The version equals the table as of this time; null where a check found a difference. */
  readonly equalAt: string | null
  /** Months of which files were written or removed. */
  readonly months: readonly string[]
  /** What a check has found; null without one. */
  readonly differences: readonly LakeDifference[] | null
  /** What a vacuum has removed; null without one. */
  readonly vacuumed: { readonly files: number; readonly bytes: number } | null
  readonly durationSeconds: number
}

/** A month of which the lake does not hold what the table does. */
export interface LakeDifference {
  readonly month: string
  readonly rowsInTable: number
  readonly rowsInLake: number
  /**
   * `pending`: the next version has it, as its change is marked. `unmarked`: nothing has marked it, as where triggers were disabled. `file-missing`:
   * a file of the lake is gone, or has another size.
   */
  readonly kind: 'pending' | 'unmarked' | 'file-missing'
}

/** How far a version has been written. */
export interface LakeProgress {
  /** Month that is being written. */
  readonly month: string
  readonly filesWritten: number
  readonly filesExpected: number
  readonly rowsWritten: number
  readonly rowsExpected: number
}
