import type { Command } from 'commander'

import type { SyncOptions } from '../../lib/index.js'
import { duration, wholeNumber } from './option-values.js'

/** How a run loads, and spares both databases; what `sync`, `watch` and `serve` take. */
export interface CareFlags {
  readonly batchSize?: number
  readonly maxRejects?: number
  readonly keepRejected?: true
  readonly retryBudget?: number
  readonly maxSnapshot?: number
  readonly maxRowsPerSecond?: number
  readonly keepHistory?: number
}

export function addCareOptions(command: Command): Command {
  return command
    .option('--batch-size <rows>', 'rows of one batch at most (5000)', wholeNumber(1))
    .option('--max-rejects <rows>', 'rows that may be refused (100 or 1 %)', wholeNumber(0))
    .option('--keep-rejected', 'keep the content of refused rows in etl_rejects')
    .option('--retry-budget <time>', 'try again for so long after a failure that may pass (60s)', duration)
    .option('--max-snapshot <time>', 'of the source, before it takes a new one (5m)', duration)
    .option('--max-rows-per-second <n>', 'read from the source (no limit)', wholeNumber(1))
    .option('--keep-history <time>', 'of runs and comparisons; 0s for ever (400d)', duration)
}

/** The library's options that these flags stand for. */
export function careOptionsOf({ maxSnapshot, ...flags }: CareFlags) {
  const { batchSize, maxRejects, keepRejected, retryBudget, maxRowsPerSecond, keepHistory } = flags
  const maxSnapshotSeconds = maxSnapshot === undefined ? undefined : maxSnapshot / 1000
  return {
    ...{ batchSize, maxRejects, keepRejected, retryBudget },
    ...{ maxSnapshotSeconds, maxRowsPerSecond, keepHistory },
  } satisfies Partial<SyncOptions>
}
