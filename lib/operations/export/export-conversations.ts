import { SyncError } from '../../domain/errors.js'
import { checkSchemaName } from '../../domain/schema-name.js'
import { openParquetWriter } from '../../lake/parquet/parquet-writer.js'
import { defaults } from '../../options.js'
import type { ExportFormat, ExportOptions, ExportReport } from './export-options.js'
import { openNewFile } from './new-file.js'
import { spoolTable } from './spool-table.js'

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
      ? await writer.convert(spooled, {
          columns: lake,
          file: file.unfinished('parquet'),
          mode: 0o600,
          signal,
        })
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
    throw new SyncError(
      'CONFIG_MISSING',
      `The option ${target === undefined ? 'target' : 'to'} is missing.`,
      {
        remedy:
          target === undefined
            ? 'Set it to a connection string, a configuration or a pool of pg, or a Kysely.'
            : 'Name the file to write.',
      },
    )
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
    throw new SyncError('CONFIG_INVALID', 'timestamps is neither ntz nor utc.', {
      remedy: 'Use one of them.',
    })
  }
  return chosen
}
