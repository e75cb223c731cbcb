import { open, rm } from 'node:fs/promises'

import { aborted } from '../../domain/abort.js'
import { SyncError } from '../../domain/errors.js'
import type { CsvRows } from '../../postgres/driver/csv-rows.js'
import { fileError } from '../file-error.js'

/** Rows in local files that only their owner may read. */
export interface SpooledRows extends AsyncDisposable {
  /** The first of the files; the only one unless parts were asked for. */
  readonly file: string
  /** All of them, in the order of the rows. */
  readonly files: readonly string[]
  readonly rows: number
  readonly bytes: number
  readonly longestRow: number
}

export interface Spooling {
  /** The file to create; disposing of the rows removes it, with what its parts are called by its name. */
  readonly file: string
  /** Whether a new file begins after some megabytes each, between two rows; without a header. (Default: false.) */
  readonly inParts?: boolean
  /** Text before the first row. */
  readonly header?: string
  readonly signal?: AbortSignal | undefined
  /** Called with the rows so far, as they come. */
  readonly onRows?: ((rows: number) => void) | undefined
}

/** Writes rows into files as they come. Throws what the rows throw, STORAGE_FAILED when a file cannot be written, and ABORTED. */
export async function spoolCsv(
  rows: CsvRows,
  { file, inParts = false, header = '', signal, onRows }: Spooling,
): Promise<SpooledRows> {
  const parts = newParts(file, inParts ? rows.cuts : [])
  const remove = async () => {
    for (const name of parts.files) await rm(name, { force: true })
  }
  try {
    await parts.write(Buffer.from(header))
    for await (const piece of rows) {
      if (signal?.aborted) throw aborted(signal.reason)
      onRows?.(rows.rows)
      await parts.write(piece)
    }
    await parts.close()
  } catch (error) {
    await parts.close().catch(() => undefined)
    await remove()
    if (signal?.aborted) throw aborted(signal.reason)
    throw error instanceof SyncError ? error : fileError(error, file)
  }
  return {
    ...{ file, files: parts.files, rows: rows.rows, bytes: parts.bytes(), longestRow: rows.longestRow },
    [Symbol.asyncDispose]: remove,
  }
}

/** Files one after the other; a new one begins at each of the cuts. */
function newParts(file: string, cuts: readonly number[]) {
  const files: string[] = []
  let current: Awaited<ReturnType<typeof open>> | undefined
  let bytes = 0
  let done = 0
  let waiting: Buffer[] = []
  let bytesWaiting = 0

  async function begin(): Promise<void> {
    await close()
    const name = files.length === 0 ? file : `${file}.${files.length}`
    current = await open(name, 'wx', 0o600)
    files.push(name)
  }

  async function flush(): Promise<void> {
    const joined = Buffer.concat(waiting)
    waiting = []
    bytesWaiting = 0
    await current?.writeFile(joined)
  }

  async function close(): Promise<void> {
    try {
      await flush()
    } finally {
      const closing = current
      current = undefined
      await closing?.close()
    }
  }

  async function add(piece: Buffer): Promise<void> {
    waiting.push(piece)
    bytesWaiting += piece.length
    if (bytesWaiting >= bytesAtOnce) await flush()
  }

  async function write(piece: Buffer): Promise<void> {
    if (files.length === 0) await begin()
    let from = 0
    for (let cut = cuts[done]; cut !== undefined && cut < bytes + piece.length; cut = cuts[done]) {
      await add(piece.subarray(from, cut - bytes))
      from = cut - bytes
      done += 1
      await begin()
    }
    await add(piece.subarray(from))
    bytes += piece.length
  }

  return { files, write, close, bytes: () => bytes }
}

/** The system takes them in one go; a piece of a socket is much smaller. */
const bytesAtOnce = 512 * 1024
