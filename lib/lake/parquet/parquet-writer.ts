import { rm, stat, writeFile } from 'node:fs/promises'

import type { DuckDBConnection } from '@duckdb/node-api'

import { aborted, throwIfAborted } from '../../domain/abort.js'
import { SyncError } from '../../domain/errors.js'
import { syncPath } from '../durable.js'
import { fileError } from '../file-error.js'
import { convertStatement, jsonStatement, settingsFor } from './convert-statement.js'
import { fileStatistics, type FileStatistics } from './file-statistics.js'
import type { LakeColumn } from './lake-columns.js'
import type { SpooledRows } from './spool-csv.js'

/** DuckDB, loaded and started once for any number of files, one after the other. */
export interface ParquetWriter extends AsyncDisposable {
  /**
   * Writes one Parquet file, compressed by zstd, of rows that were spooled with `\N` for NULL and with the cell of `outOfRangeColumn` last.
   * Once it resolves the file is whole and on disk; the name of it in its folder is for the caller to make durable. Throws STORAGE_FAILED and
   * ABORTED, and leaves no file then.
   */
  convert(rows: SpooledRows, work: ParquetWork): Promise<ParquetFile>
  /** Writes one of lines of JSON, whose fields have these types of DuckDB; the file with the lines is removed. Throws STORAGE_FAILED. */
  convertJson(lines: string, work: JsonWork): Promise<void>
}

export interface JsonWork {
  readonly columns: Readonly<Record<string, string>>
  /** The file to create. */
  readonly file: string
}

export interface ParquetWork {
  readonly columns: readonly LakeColumn[]
  /** The file to create. */
  readonly file: string
  /** Who may read it. (Default: as the process has it.) */
  readonly mode?: number
  readonly signal?: AbortSignal | undefined
}

export interface ParquetFile {
  readonly file: string
  readonly rows: number
  /** Rows with values that the types cannot hold. */
  readonly rowsOutOfRange: number
  readonly bytes: number
  readonly stats: FileStatistics
}

/** Throws CONFIG_MISSING when the package @duckdb/node-api is not installed. `temporaryFolder` takes what does not fit into memory. */
export async function openParquetWriter(temporaryFolder: string): Promise<ParquetWriter> {
  const { DuckDBInstance } = await loadDuckDb()
  const instance = await DuckDBInstance.create(':memory:', {
    threads: '1',
    temp_directory: temporaryFolder,
    // The order stays all the same with one thread, and a group of rows may then end by its bytes.
    preserve_insertion_order: 'false',
    // Each call comes from another thread of Node, and each thread would keep the memory that it has freed: a third of the whole.
    allocator_background_threads: 'true',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  })
  const connection = await instance.connect()
  return {
    convert: (rows, work) => convert(connection, rows, work),
    convertJson: (lines, work) => convertJson(connection, lines, work),
    [Symbol.asyncDispose]: async () => {
      connection.closeSync()
      instance.closeSync()
    },
  }
}

async function loadDuckDb() {
  try {
    // Only lakes and exports need it, so it is loaded late and may be absent.
    return await import('@duckdb/node-api')
  } catch (cause) {
    throw new SyncError('CONFIG_MISSING', 'Parquet files need the package @duckdb/node-api.', {
      remedy: 'Run npm install @duckdb/node-api, with -g where chatwoot-sync is installed globally.',
      cause,
    })
  }
}

async function convert(
  connection: DuckDBConnection,
  spooled: SpooledRows,
  { columns, file, mode, signal }: ParquetWork,
): Promise<ParquetFile> {
  throwIfAborted(signal)
  const interrupt = () => connection.interrupt()
  signal?.addEventListener('abort', interrupt, { once: true })
  try {
    // DuckDB keeps the rights of a file that exists.
    await writeFile(file, '', { flag: 'wx', mode })
    for (const setting of settingsFor(spooled)) await connection.run(setting)
    const written = await connection.runAndReadAll(convertStatement(spooled, columns, file))
    const [row] = written.getRowObjectsJson()
    const { rows, ...facts } = fileStatistics(row, columns)
    if (rows !== spooled.rows) throw new Error(`${spooled.rows} rows became ${rows}`)
    await syncPath(file)
    return { file, rows, bytes: (await stat(file)).size, ...facts }
  } catch (error) {
    await rm(file, { force: true })
    if (signal?.aborted) throw aborted(signal.reason)
    throw conversionError(error, file)
  } finally {
    signal?.removeEventListener('abort', interrupt)
  }
}

async function convertJson(
  connection: DuckDBConnection,
  lines: string,
  { columns, file }: JsonWork,
): Promise<void> {
  try {
    await connection.run(jsonStatement(lines, columns, file))
    await syncPath(file)
  } catch (error) {
    await rm(file, { force: true })
    throw conversionError(error, file)
  } finally {
    await rm(lines, { force: true })
  }
}

/** What DuckDB says can quote a value. */
function conversionError(error: unknown, file: string): unknown {
  if (error instanceof SyncError || Reflect.get(Object(error), 'code') !== undefined)
    return fileError(error, file)
  const [kind = ''] = /^[A-Z][A-Za-z ]+ Error/.exec(String(Reflect.get(Object(error), 'message'))) ?? []
  return new SyncError('STORAGE_FAILED', `DuckDB could not write ${file}: ${kind || 'it failed'}.`, {
    remedy: /Memory/.test(kind)
      ? 'Free some memory, or leave out the columns with the largest texts.'
      : 'Check the disk; please report it if it happens again.',
    details: { path: file, duckDbError: kind || null },
    cause: error,
  })
}
