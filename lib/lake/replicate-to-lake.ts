import { aborted, throwIfAborted } from '../domain/abort.js'
import { SyncError } from '../domain/errors.js'
import { takeLakeLock, type LakeName } from '../postgres/control/lake-lock.js'
import { compactMarks } from '../postgres/control/lake-marks.js'
import { recordLakeFailure, requireLakeTables } from '../postgres/control/lakes.js'
import { describeTarget } from '../postgres/driver/catalog.js'
import { openSession } from '../postgres/driver/connect.js'
import { tableIn } from '../postgres/driver/search-path.js'
import { readDelta } from './delta/read-delta.js'
import { vacuumDelta } from './delta/vacuum-delta.js'
import { resolveLakeOptions, type LakeOptions, type ResolvedLakeOptions } from './lake-options.js'
import { checkLake } from './replicate/check-lake.js'
import type { LakeContext } from './replicate/lake-context.js'
import type { LakeReport } from './replicate/lake-report.js'
import { registerLake } from './replicate/register-lake.js'
import { writeVersion } from './replicate/write-version.js'
import { openStorage } from './storage/open-storage.js'
import type { LakeStorage } from './storage/storage.js'
import { placeOf } from './unregister-lake.js'

/**
 * Brings a lake to the content of the table, as of one snapshot of it: a Delta table of Parquet files, partitioned by month, that DuckDB,
 * ClickHouse, Spark, delta-rs and others read. The first call writes everything and registers the lake; from then on each transaction that
 * changes rows of the table marks their months, and a call writes the months that are marked. Where nothing has changed no version is written.
 *
 * Each version is whole: a reader sees the one before or the new one, whenever this process ends. Marks are deleted once the version is
 * committed that has their changes, so that a call which was killed is made good by the next one. It takes a lock of its own for each lake;
 * runs go on meanwhile, but for the moment in which a new lake is registered.
 *
 * Throws LOCKED while another process writes the lake, and at the first call while a run is in progress; LAKE_CONFLICT when a program of
 * another database has committed meanwhile; LAKE_TAKEN for a place that is not this lake's; LAKE_TYPE_CHANGED, LAKE_UNREADABLE and STORAGE_FAILED;
 * TARGET_NOT_MIGRATED, CONFIG_INVALID, CONFIG_MISSING where a package is not installed, and the other errors of the target.
 *
 * @example
 * const { version, months } = await replicateToLake({ target, to: '/data/lake' })
 */
export async function replicateToLake(options: LakeOptions): Promise<LakeReport> {
  const resolved = resolveLakeOptions(options)
  const { schema, connectTimeout, statementTimeout, signal, to } = resolved
  throwIfAborted(signal)
  const connection = { applicationName: 'chatwoot-sync lake', connectTimeout, statementTimeout, schema }
  await using target = await openSession('target', resolved.target, connection)
  const stop = () => target.destroy(aborted(signal?.reason))
  signal?.addEventListener('abort', stop, { once: true })
  const name = { pipeline: resolved.pipeline, lake: placeOf(to) }
  try {
    await requireLakeTables(target)
    if (!resolved.check) {
      await takeLakeLock(target, name)
      // Also for a place that cannot be reached: its marks would become more with each run.
      await compactMarks(target, name)
    }
    await using storage = await openStorage(to, resolved)
    const report = await bringUpToDate({ target, storage, options: resolved, name })
    const { lake, version, committed, months, rowsWritten, durationSeconds } = report
    resolved.logger.info('Lake done', {
      ...{ lake, version, committed, months: months.length, rowsWritten, durationSeconds },
    })
    return report
  } catch (error) {
    const failure = signal?.aborted ? aborted(signal.reason) : error
    await recordFailure(resolved, name, failure)
    throw failure
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

async function bringUpToDate(sides: Omit<LakeContext, 'relation'>): Promise<LakeReport> {
  const began = performance.now()
  const { target, storage, options, name } = sides
  const { schema, table } = options
  const context = { ...sides, relation: await describeTarget(target, tableIn(schema, table)) }
  const outcome = options.check
    ? await checkLake(context)
    : {
        ...(await writeVersion(context, await registerLake(context))),
        vacuumed: await vacuum(storage, options.vacuum),
      }
  const durationSeconds = Math.round(performance.now() - began) / 1000
  return { ...name, table, ...outcome, durationSeconds }
}

const endOfTime = new Date(8.64e15)

/** The lock shows that no other process of this target is about to commit. */
async function vacuum(storage: LakeStorage, retention: number | undefined) {
  if (retention === undefined) return null
  const table = await readDelta(storage)
  // What the version just committed has replaced is to go as well, and what bears a time of a store whose clock is ahead.
  const before = retention === 0 ? endOfTime : new Date(Date.now() - retention)
  return table ? vacuumDelta(storage, table, before) : null
}

type Connecting = Pick<ResolvedLakeOptions, 'target' | 'schema' | 'connectTimeout' | 'check' | 'logger'>

/** For health; over a connection of its own, as the one that failed may be in the middle of anything. */
async function recordFailure(options: Connecting, name: LakeName, failure: unknown): Promise<void> {
  const { code, message } =
    failure instanceof SyncError ? failure : { code: 'INTERNAL', message: 'The program failed.' }
  options.logger.error('Lake failed', { code, reason: message })
  if (options.check || unrecorded.has(code)) return
  try {
    const { schema, connectTimeout } = options
    const connection = { applicationName: 'chatwoot-sync lake', connectTimeout, schema }
    await using target = await openSession('target', options.target, connection)
    await recordLakeFailure(target, name, { code, message })
  } catch {
    // What failed first is what the caller has to know.
  }
}

/** Another process is about to succeed, or there is nowhere to record it. */
const unrecorded: ReadonlySet<string> = new Set([
  ...[
    'LOCKED',
    'ABORTED',
    'TARGET_UNREACHABLE',
    'TARGET_AUTH_FAILED',
    'TARGET_NOT_MIGRATED',
    'TARGET_POOLED',
  ],
])
