import type { LakeColumn } from './lake-columns.js'

/** DuckDB, loaded and started once for any number of files. */
export interface ParquetWriter extends AsyncDisposable {
  /**
   * Writes one Parquet file of the rows of a COPY, which go through a file in `folder` first. Once it resolves the file is whole and on disk.
   * Throws EXPORT_FAILED, what the rows throw, and ABORTED.
   */
  write(work: ParquetWork): Promise<ParquetFile>
}

export interface ParquetWork {
  readonly rows: CsvRows
  readonly columns: readonly LakeColumn[]
  /** The file to create. */
  readonly file: string
  readonly signal?: AbortSignal | undefined
}

/** Rows as `copy ... to stdout` writes them with `csvCopyOptions`, in pieces that may end anywhere. */
export interface CsvRows extends AsyncIterable<Buffer> {
  /** Bytes of the longest row that has passed. */
  readonly longestRow: number
}

export interface ParquetFile {
  readonly rows: number
  readonly bytes: number
  readonly stats: FileStatistics
}

/** What Delta notes of a file: lower and upper bounds and NULLs of columns that hold no texts, so that the log names nobody. */
export interface FileStatistics {
  readonly numRecords: number
  readonly minValues: Readonly<Record<string, unknown>>
  readonly maxValues: Readonly<Record<string, unknown>>
  readonly nullCount: Readonly<Record<string, number>>
}

/** Throws CONFIG_MISSING when the package @duckdb/node-api is not installed. */
export declare function openParquetWriter(options?: {
  /** A folder for what does not fit into memory. (Default: that of each file.) */
  readonly temporaryFolder?: string
}): Promise<ParquetWriter>
