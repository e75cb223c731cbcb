import { SyncError } from '../../domain/errors.js'
import { silentLogger } from '../../domain/logger.js'
import { checkSchemaName } from '../../domain/schema-name.js'
import { defaults, type SyncOptions } from '../../options.js'
import type { PartitionProgress } from './partition-report.js'

/** Options of `partitionTable`. Only `target` is required. */
export interface PartitionOptions extends Pick<
  SyncOptions,
  'target' | 'schema' | 'table' | 'pipeline' | 'connectTimeout' | 'signal' | 'logger'
> {
  /** Months after the current one for which runs make a partition beforehand, 0 to 24. (Default: as it was begun; 3 at first.) */
  readonly monthsAhead?: number | undefined
  /** Returns what would be done, with sizes and an estimate of the time, and changes nothing. (Default: false.) */
  readonly dryRun?: boolean | undefined
  /** Turns the table into one without partitions. (Default: false.) */
  readonly undo?: boolean | undefined
  /** Name of the table of before, which is dropped; nothing else is done. (Default: none.) */
  readonly dropBefore?: string | undefined
  /** Drops what an earlier call has built and not finished; nothing else is done. (Default: false.) */
  readonly cancel?: boolean | undefined
  /**
   * Milliseconds for which each step that needs it waits for a moment in which no run is in progress and nobody uses the table. It never waits in
   * the queue of the table's lock for more than 100 ms, behind which others would have to wait. (Default: 1 hour.)
   */
  readonly lockBudget?: number | undefined
  /** Called before each month and each later step; an error thrown here fails the call. */
  readonly onProgress?: ((progress: PartitionProgress) => void) | undefined
}

type Defaulted = 'pipeline' | 'table' | 'connectTimeout' | 'lockBudget' | 'logger'

/** With every default filled in, and checked. */
export type ResolvedPartitionOptions = Readonly<
  Omit<PartitionOptions, Defaulted> & { [Name in Defaulted]-?: NonNullable<PartitionOptions[Name]> }
>

const hour = 3_600_000

/** Throws CONFIG_MISSING or CONFIG_INVALID. */
export function resolvePartitionOptions(options: PartitionOptions): ResolvedPartitionOptions {
  if (options.target === undefined) {
    throw new SyncError('CONFIG_MISSING', 'The option target is missing.', {
      remedy: 'Name the database of the table.',
    })
  }
  checkSchemaName(options.schema)
  const { monthsAhead, lockBudget = hour, dryRun, undo, cancel, dropBefore } = options
  if (monthsAhead !== undefined && !(Number.isInteger(monthsAhead) && monthsAhead >= 0 && monthsAhead <= 24))
    throw invalid('monthsAhead', 'Use a whole number from 0 to 24.')
  if (!(lockBudget >= 0)) throw invalid('lockBudget', 'Use a number of milliseconds from 0.')
  const chosen = [undo, cancel, dropBefore !== undefined].filter((choice) => choice === true)
  if (chosen.length > 1) throw invalid('undo', 'Use one of undo, cancel and dropBefore at a time.')
  if (dryRun && (cancel || dropBefore !== undefined))
    throw invalid('dryRun', 'Leave out cancel and dropBefore.')
  const {
    table = defaults.table,
    pipeline = defaults.pipeline,
    connectTimeout = defaults.connectTimeout,
    logger = silentLogger,
  } = options
  return Object.freeze({ ...options, table, pipeline, connectTimeout, lockBudget, logger })
}

function invalid(option: string, remedy: string): SyncError {
  return new SyncError('CONFIG_INVALID', `The option ${option} has a value that cannot work.`, { remedy })
}
