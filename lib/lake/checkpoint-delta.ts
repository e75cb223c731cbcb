import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { checkpointFile, lastCheckpointFile, snapshotFile, versionFile } from './delta/log-files.js'
import { readDelta, type DeltaTable } from './delta/read-delta.js'
import { actionsFor } from './delta/replay.js'
import { linesOf, snapshotText } from './delta/snapshot.js'
import { fileError } from './file-error.js'
import { openParquetWriter } from './parquet/parquet-writer.js'
import type { LakeStorage } from './storage/storage.js'

/** Versions that a reader has to go through one by one at most. */
const versionsBetween = 20

/** What Delta keeps of a log by default: 30 days, in milliseconds. */
const logRetention = 30 * 86_400_000

/** Whether the log of a table has become long enough for a checkpoint. */
export const isCheckpointDue = ({ version, checkpoint }: Pick<DeltaTable, 'version' | 'checkpoint'>) =>
  version - checkpoint >= versionsBetween

/**
 * Writes what the newest version is into one file of Parquet, from which every reader goes on instead of reading all versions, and into one
 * of our own, as we read a lake without DuckDB. Whoever reads meanwhile sees the same table with or without them. Throws STORAGE_FAILED,
 * LAKE_UNREADABLE, and CONFIG_MISSING where the package @duckdb/node-api is not installed.
 */
export async function checkpointDelta(storage: LakeStorage): Promise<void> {
  const table = await readDelta(storage)
  const commit = table && (await storage.read(versionFile(table.version)))
  if (!table || commit === undefined) return
  const actions = actionsFor(table, Date.now() - logRetention)
  const lines = await stage(storage, linesOf(actions))
  const parquet = `${lines}.parquet`
  await using writer = await openParquetWriter(storage.staging)
  await writer.convertJson(lines, { columns: checkpointColumns, file: parquet })
  await storage.put(checkpointFile(table.version), parquet)
  const snapshot = await stage(storage, snapshotText(commit, actions))
  await storage.put(snapshotFile(table.version), snapshot)
  const last = await stage(storage, JSON.stringify({ version: table.version, size: actions.length }))
  await storage.put(lastCheckpointFile, last)
}

/** A local file with this text. */
async function stage({ staging }: LakeStorage, text: string): Promise<string> {
  const file = join(staging, randomUUID())
  try {
    await writeFile(file, text, { flag: 'wx' })
  } catch (error) {
    throw fileError(error, file)
  }
  return file
}

const texts = 'MAP(VARCHAR, VARCHAR)'

/** Of each action its fields, as types of DuckDB. */
const checkpointColumns: Readonly<Record<string, string>> = {
  txn: 'STRUCT(appId VARCHAR, version BIGINT, lastUpdated BIGINT)',
  add: `STRUCT(path VARCHAR, partitionValues ${texts}, size BIGINT, modificationTime BIGINT, dataChange BOOLEAN, stats VARCHAR, tags ${texts})`,
  remove: `STRUCT(path VARCHAR, deletionTimestamp BIGINT, dataChange BOOLEAN, extendedFileMetadata BOOLEAN, partitionValues ${texts}, size BIGINT)`,
  metaData: `STRUCT(id VARCHAR, "name" VARCHAR, description VARCHAR, format STRUCT(provider VARCHAR, options ${texts}), schemaString VARCHAR, partitionColumns VARCHAR[], createdTime BIGINT, configuration ${texts})`,
  protocol:
    'STRUCT(minReaderVersion INTEGER, minWriterVersion INTEGER, readerFeatures VARCHAR[], writerFeatures VARCHAR[])',
}
