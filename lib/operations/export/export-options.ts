import type { TimestampForm } from '../../lake/parquet/lake-columns.js'
import type { SyncOptions } from '../../options.js'

export type ExportFormat = 'parquet' | 'csv'

export interface ExportOptions extends Pick<SyncOptions, 'target' | 'schema' | 'table' | 'signal'> {
  /** The file to write. One of that name is replaced once the new one is whole; only its owner may read it. */
  readonly to: string
  /** Parquet needs the package @duckdb/node-api. (Default: by the end of the name, .parquet or .csv.) */
  readonly format?: ExportFormat | undefined
  /** Names of columns that are left out. (Default: none.) */
  readonly without?: readonly string[] | undefined
  /** Whether soft-deleted rows are exported as well, with `deleted_at`. (Default: false.) */
  readonly includeDeleted?: boolean | undefined
  /** How Parquet holds times without a zone: as such, or as points in time of UTC for readers that do not know them. (Default: ntz.) */
  readonly timestamps?: TimestampForm | undefined
  /** Called as rows are read. */
  readonly onProgress?: ((progress: ExportProgress) => void) | undefined
}

export interface ExportProgress {
  readonly rowsExported: number
  /** An estimate of the planner; null if unknown. */
  readonly rowsExpected: number | null
}

export interface ExportReport {
  readonly table: string
  /** Its absolute path. */
  readonly file: string
  readonly format: ExportFormat
  readonly rows: number
  readonly columns: number
  readonly bytes: number
  readonly includeDeleted: boolean
  /**
   * Rows with a value that its type in Parquet cannot hold: it is NULL there, and stands in the column `values_out_of_range`. Always 0 for
   * CSV.
   */
  readonly rowsOutOfRange: number
  /** A text with an offset; everything that was committed in the target before is in the file. */
  readonly asOf: string
  readonly durationSeconds: number
}
