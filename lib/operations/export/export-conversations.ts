import { SyncError } from '../../domain/errors.js'
import { checkSchemaName } from '../../domain/schema-name.js'
import type { TimestampForm } from '../../lake/parquet/lake-columns.js'
import { openParquetWriter } from '../../lake/parquet/parquet-writer.js'
import { defaults, type SyncOptions } from '../../options.js'
import { openNewFile } from './new-file.js'
import { spoolTable } from './spool-table.js'

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

/**
 * Writes the table of the target into one file, a row for each conversation as of one moment: as CSV with the texts of PostgreSQL, or as
 * Parquet with exact types. The file appears whole or not at all. What runs have protected is protected in it, as in the table. While Parquet
 * is written, its folder needs room for the rows as CSV too.
 *
 * Throws CONFIG_INVALID or CONFIG_MISSING for options that cannot work and where a package is not installed, STORAGE_FAILED for a file that
 * cannot be written, ABORTED, TARGET_NOT_MIGRATED and the other errors of the target.
 *
 * @example
 * const { rows } = await exportConversations({ target, to: 'conversations.csv', without: ['message_compiled'] })
 */
export async function exportConversations(options: ExportOptions): Promise<ExportReport> {
  const started = performance.now()
  const { target, schema, table = defaults.table, to, signal, onProgress } = options
  const { without = [], includeDeleted = false } = options
  const format = checkedFormat(options)
  const timestamps = format === 'parquet' ? (options.timestamps ?? 'ntz') : undefined
  await using file = await openNewFile(to)
  await using writer = format === 'parquet' ? await openParquetWriter(file.folder) : undefined
  const wanted = { target, schema, table, without, includeDeleted, timestamps, signal, onProgress }
  const { spooled, lake, columns, asOf } = await spoolTable(wanted, file.unfinished('csv'))
  const written =
    writer && lake
      ? await writer.convert(spooled, { columns: lake, file: file.unfinished('parquet'), mode: 0o600, signal })
      : { ...spooled, rowsOutOfRange: 0 }
  await file.publish(written.file)
  return {
    ...{ table, file: file.path, format, rows: written.rows, columns, bytes: written.bytes },
    ...{ includeDeleted, rowsOutOfRange: written.rowsOutOfRange, asOf },
    durationSeconds: Math.round(performance.now() - started) / 1000,
  }
}

function checkedFormat({ target, schema, to, format, timestamps }: ExportOptions): ExportFormat {
  if (target === undefined || to === undefined || to === '') {
    throw new SyncError('CONFIG_MISSING', `The option ${target === undefined ? 'target' : 'to'} is missing.`, {
      remedy:
        target === undefined
          ? 'Set it to a connection string, a configuration or a pool of pg, or a Kysely.'
          : 'Name the file to write.',
    })
  }
  checkSchemaName(schema)
  const [, byName] = /\.(parquet|csv)$/i.exec(to) ?? []
  const chosen = format ?? byName?.toLowerCase()
  if (chosen !== 'parquet' && chosen !== 'csv') {
    throw new SyncError('CONFIG_INVALID', 'The format of the export is neither parquet nor csv.', {
      remedy: 'Set the format, or name a file that ends in .parquet or .csv.',
    })
  }
  if (timestamps !== undefined && timestamps !== 'ntz' && timestamps !== 'utc') {
    throw new SyncError('CONFIG_INVALID', 'timestamps is neither ntz nor utc.', { remedy: 'Use one of them.' })
  }
  return chosen
}
