import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'

import { aborted } from '../../domain/abort.js'
import { SyncError } from '../../domain/errors.js'
import type { CsvRows } from '../../postgres/driver/csv-rows.js'
import { fileError } from '../file-error.js'

/** Rows in a local file that only its owner may read. */
export interface SpooledRows extends AsyncDisposable {
  readonly file: string
  readonly rows: number
  readonly bytes: number
  readonly longestRow: number
}

export interface Spooling {
  /** The file to create; disposing of the rows removes it. */
  readonly file: string
  /** Text before the first row. */
  readonly header?: string
  readonly signal?: AbortSignal | undefined
  /** Called with the rows so far, as they come. */
  readonly onRows?: ((rows: number) => void) | undefined
}

/** Writes rows into a file as they come. Throws what the rows throw, STORAGE_FAILED when the file cannot be written, and ABORTED. */
export async function spoolCsv(
  rows: CsvRows,
  { file, header = '', signal, onRows }: Spooling,
): Promise<SpooledRows> {
  let bytes = 0
  async function* pieces() {
    if (header !== '') yield Buffer.from(header)
    for await (const piece of rows) {
      onRows?.(rows.rows)
      yield piece
    }
  }
  const stream = createWriteStream(file, { flags: 'wx', mode: 0o600, highWaterMark: 256 * 1024 })
  try {
    await pipeline(pieces(), stream, signal ? { signal } : {})
    bytes = stream.bytesWritten
  } catch (error) {
    await rm(file, { force: true })
    if (signal?.aborted) throw aborted(signal.reason)
    throw error instanceof SyncError ? error : fileError(error, file)
  }
  return {
    ...{ file, rows: rows.rows, bytes, longestRow: rows.longestRow },
    [Symbol.asyncDispose]: () => rm(file, { force: true }),
  }
}
