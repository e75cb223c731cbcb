import { aborted, throwIfAborted } from '../../domain/abort.js'
import { SyncError } from '../../domain/errors.js'
import {
  readPartitioning,
  requirePartitioningTables,
  takeRebuildLock,
  type Partitioning,
} from '../../postgres/control/partitionings.js'
import { describeTarget, schemaChanged } from '../../postgres/driver/catalog.js'
import { openSession } from '../../postgres/driver/connect.js'
import { tableIn, type TableName } from '../../postgres/driver/search-path.js'
import type { Session } from '../../postgres/driver/session.js'
import type { Shape } from '../../postgres/partition/copy-table.js'
import { readRebuiltTable, type RebuiltTable } from '../../postgres/partition/rebuilt-table.js'
import { addMonths } from './add-months.js'
import { cancelRebuilding, dropBefore } from './drop-tables.js'
import {
  resolvePartitionOptions,
  type PartitionOptions,
  type ResolvedPartitionOptions,
} from './partition-options.js'
import type { PartitionReport } from './partition-report.js'
import { rebuildTable } from './rebuild-table.js'
import type { LockBudget } from './retry-locked.js'

/**
 * Turns the table into one that is partitioned by month of `conversation_created_at`, with a default partition, or with `undo` into one without
 * partitions: it is rebuilt beside the one that is used, month by month, and takes its place once it has every change that was made meanwhile. Views,
 * rights, comments, indexes and settings are rebuilt with it. The table of before stays until it is dropped by name (`dropBefore`).
 *
 * Killed at any moment, it continues where it was when it is called again. The table that is used is never locked for more than 100 ms, waiting
 * included; what needs a lock is tried again until there is a moment for it, for `lockBudget`. Of a table that is partitioned already it adds the
 * months that are missing, unless pg_partman makes them.
 *
 * Throws TABLE_NOT_REBUILDABLE, before anything is changed, with a list of what hangs on the table and would be lost; TARGET_FORBIDDEN for a role
 * that is not its owner; LOCKED while another process rebuilds it; TARGET_TIMED_OUT where there was no such moment; TARGET_NOT_MIGRATED,
 * CONFIG_INVALID, CONFIG_MISSING, TARGET_POOLED, ABORTED and the other errors of the target.
 *
 * @example
 * const { months, before } = await partitionTable({ target })
 */
export async function partitionTable(options: PartitionOptions): Promise<PartitionReport> {
  const began = performance.now()
  const resolved = resolvePartitionOptions(options)
  const { schema, connectTimeout, signal, logger, dryRun = false } = resolved
  throwIfAborted(signal)
  const connection = { applicationName: 'chatwoot-sync partition', connectTimeout, schema }
  await using target = await openSession('target', resolved.target, connection)
  const stop = () => target.destroy(aborted(signal?.reason))
  signal?.addEventListener('abort', stop, { once: true })
  try {
    await requirePartitioningTables(target)
    const { schema: inSchema, name } = await describeTarget(target, tableIn(schema, resolved.table))
    const table = { schema: inSchema, name }
    if (!dryRun) await takeRebuildLock(target, table)
    const budget = { milliseconds: resolved.lockBudget, signal }
    const outcome = await act(target, table, resolved, budget)
    const durationSeconds = Math.round(performance.now() - began) / 1000
    const report = { ...nothing, table: `${inSchema}.${name}`, dryRun, ...outcome, durationSeconds }
    const { action, months, rows, attempts } = report
    logger.info('Partition done', { action, months, rows, attempts, durationSeconds })
    return report
  } catch (error) {
    throw signal?.aborted ? aborted(signal.reason) : error
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

/** What only some actions find. */
const nothing = {
  ...{ months: 0, rows: 0, bytes: 0, views: [], hasDateChecks: false },
  ...{ before: null, estimatedSeconds: null, attempts: 0 },
}

type Outcome = Pick<PartitionReport, 'action'> & Partial<PartitionReport>

type Chosen = 'cancel' | 'dropBefore' | 'undo' | 'dryRun' | 'monthsAhead' | 'pipeline' | 'onProgress'

async function act(
  target: Session,
  name: TableName,
  options: Pick<ResolvedPartitionOptions, Chosen>,
  budget: LockBudget,
): Promise<Outcome> {
  const known = await readPartitioning(target, name)
  if (options.cancel) return cancelRebuilding(target, name, known, budget)
  if (options.dropBefore !== undefined)
    return dropBefore(target, name, { known, budget, named: options.dropBefore })
  const table = await readRebuiltTable(target, name)
  if (!table) throw schemaChanged('target', [`${name.name} no longer exists`])
  const shape: Shape = options.undo ? 'plain' : 'months'
  requireDirection(table, shape, known)
  return !known?.building && table.kind === 'months' && shape === 'months'
    ? addMonths(target, table, { ...options, known, budget })
    : rebuildTable(target, table, { ...options, shape, known, budget })
}

/** A rebuilding that has begun goes on, and no other begins beside it. */
function requireDirection(
  { name, kind }: Pick<RebuiltTable, 'name' | 'kind'>,
  shape: Shape,
  known: Partitioning | undefined,
): void {
  if (known?.building && known.building !== shape) {
    const other = shape === 'months' ? 'with --undo' : 'without --undo'
    throw new SyncError('CONFIG_INVALID', `The table ${name} is being turned into the other form.`, {
      remedy: `Run it ${other}, which goes on, or with --cancel, which drops what was built.`,
    })
  }
  if (shape === 'plain' && kind === 'plain' && !known?.building) {
    throw new SyncError('CONFIG_INVALID', `The table ${name} is not partitioned.`, {
      remedy: 'There is nothing to undo.',
    })
  }
}
