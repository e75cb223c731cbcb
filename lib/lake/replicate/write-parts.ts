import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'

import { bothOf, throwIfAborted } from '../../domain/abort.js'
import { callHook, SyncError } from '../../domain/errors.js'
import type { Relation } from '../../postgres/driver/catalog.js'
import { readCsv } from '../../postgres/driver/csv-rows.js'
import type { Session } from '../../postgres/driver/session.js'
import { column } from '../../postgres/target/exported-cells.js'
import { isRowOf, lakeTime } from '../../postgres/target/lake-months.js'
import type { DeltaFile } from '../delta/actions.js'
import { parquetRows } from '../parquet/exported-query.js'
import type { LakeColumn } from '../parquet/lake-columns.js'
import { openParquetWriter, type ParquetWriter } from '../parquet/parquet-writer.js'
import { spoolCsv, type SpooledRows } from '../parquet/spool-csv.js'
import type { LakeStorage } from '../storage/storage.js'
import { tagsOf } from './file-notes.js'
import type { LakeProgress } from './lake-report.js'
import { rowsIn, type Part } from './plan-files.js'

export interface Writing {
  readonly target: Session
  readonly table: Relation
  readonly columns: readonly LakeColumn[]
  readonly storage: LakeStorage
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: LakeProgress) => void) | undefined
}

/**
 * Writes a file for each part, from the open snapshot, and returns them as the log names them. No version names them yet. The rows of a part
 * are read while DuckDB starts, or writes the file of the one before. After a failure those that were written are removed, as far as that is possible.
 */
export async function writeParts(writing: Writing, parts: readonly Part[]): Promise<readonly DeltaFile[]> {
  if (parts.length === 0) return []
  const { storage, signal, onProgress } = writing
  const files: DeltaFile[] = []
  const opening = openParquetWriter(storage.staging)
  let finishing: Promise<unknown> = opening
  const rowsExpected = rowsIn(parts)
  try {
    for (const part of parts) {
      throwIfAborted(signal)
      const rowsWritten = rowsIn(parts.slice(0, files.length))
      const done = { filesWritten: files.length, filesExpected: parts.length, rowsWritten, rowsExpected }
      callHook('onProgress', onProgress, { month: part.month, ...done })
      const spooled = await afterBoth(spoolPart(writing, part), finishing)
      finishing = finishPart(writing, await opening, { part, spooled }).then((file) => files.push(file))
      // It is awaited with the next part, or behind the last.
      finishing.catch(() => undefined)
    }
    await finishing
    return files
  } catch (error) {
    await finishing.catch(() => undefined)
    await storage.remove(files.map(({ path }) => path)).catch(() => undefined)
    throw error
  } finally {
    await opening.then(
      (parquet) => parquet[Symbol.asyncDispose](),
      () => undefined,
    )
  }
}

/** What was begun, once the other work is done as well; it is disposed of where that has failed. */
async function afterBoth<T extends AsyncDisposable>(begun: Promise<T>, other: Promise<unknown>): Promise<T> {
  try {
    const [value] = await bothOf(begun, other)
    return value
  } catch (error) {
    await begun.then(
      (value) => value[Symbol.asyncDispose](),
      () => undefined,
    )
    throw error
  }
}

/** The rows of a part in local files, in whatever order they lie: to sort rows with their texts would write a month to disk once more. */
async function spoolPart({ target, table, columns, storage, signal }: Writing, part: Part) {
  const where = isRowOf(part, column(lakeTime))
  const { query, cells } = parquetRows(table, columns, { where, byCopy: target.copy !== undefined })
  const csv = readCsv(target, query, { columns: cells, nullText: '\\N' })
  return spoolCsv(csv, { file: join(storage.staging, `${randomUUID()}.csv`), inParts: true, signal })
}

interface SpooledPart {
  readonly part: Part
  readonly spooled: SpooledRows
}

/** Removes the local files, whatever happens. */
async function finishPart(
  { columns, storage, signal }: Writing,
  parquet: ParquetWriter,
  { part, spooled }: SpooledPart,
): Promise<DeltaFile> {
  await using _ = spooled
  const { month, rows: expected } = part
  const name = `${randomUUID()}.parquet`
  const file = join(storage.staging, name)
  try {
    const { rows, bytes, stats } = await parquet.convert(spooled, { columns, file, signal })
    if (rows !== expected) throw lostRows(month, expected, rows)
    const path = `month=${month}/${name}`
    await storage.put(path, file)
    return {
      ...{ path, partitionValues: { month }, size: bytes, modificationTime: Date.now(), dataChange: true },
      stats: JSON.stringify(stats),
      tags: tagsOf(part),
    }
  } finally {
    await rm(file, { force: true })
  }
}

/** One snapshot has counted the rows and sent them. */
function lostRows(month: string, expected: number, found: number): SyncError {
  return new SyncError('INTERNAL', `The file of ${month} has ${found} rows, and the table ${expected}.`, {
    remedy: 'Please report it; nothing was committed.',
    details: { month, expected, found },
  })
}
