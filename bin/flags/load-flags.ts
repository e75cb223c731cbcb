import type { Command } from 'commander'

import type { SyncOptions } from '../../lib/index.js'
import { duration, share, wholeNumber } from './option-values.js'

/** How a run loads, and how it spares both databases; for `sync`, `watch` and `serve`. */
export interface LoadFlags {
  readonly batchSize?: number
  readonly parallel?: number
  readonly maxRejects?: number
  readonly keepRejected?: true
  readonly retryBudget?: number
  readonly maxSnapshot?: number
  readonly maxRowsPerSecond?: number
  readonly scanShare?: number
  readonly scanEvery?: number
  readonly keepHistory?: number
  readonly acceptTargetDeletes?: true
}

export function addLoadOptions(command: Command): Command {
  return command
    .optionsGroup('Loading:')
    .option('--batch-size <rows>', 'maximum rows in one batch (5000)', wholeNumber(1))
    .option('--parallel <n>', 'connections to each side in a full load (1)', wholeNumber(1))
    .option('--max-rejects <rows>', 'rows that may be rejected (100 or 1 %)', wholeNumber(0))
    .option('--keep-rejected', 'keep the content of rejected rows in etl_rejects')
    .option('--retry-budget <time>', 'how long to retry after a transient failure (60s)', duration)
    .option('--max-snapshot <time>', 'age at which the source snapshot is renewed (5m)', duration)
    .option('--max-rows-per-second <n>', 'to read from the source (no limit)', wholeNumber(1))
    .option('--scan-share <share>', 'of the time, for scans of large tables (0.2%)', share)
    .option('--scan-every <time>', 'after which a run scans in any case (6h)', duration)
    .option('--keep-history <time>', 'of runs and comparisons; 0s: forever (400d)', duration)
    .option('--accept-target-deletes', 'rows deleted from the target are no accident')
}

/** The library's options for these flags. */
export function loadOptionsOf({ maxSnapshot, ...flags }: LoadFlags) {
  const { batchSize, parallel, maxRejects, keepRejected, retryBudget, maxRowsPerSecond, keepHistory } = flags
  const { acceptTargetDeletes, scanShare, scanEvery } = flags
  const maxSnapshotSeconds = maxSnapshot === undefined ? undefined : maxSnapshot / 1000
  return {
    ...{ batchSize, parallel, maxRejects, keepRejected, retryBudget },
    ...{ maxSnapshotSeconds, maxRowsPerSecond, keepHistory, acceptTargetDeletes },
    ...{ scanShare, scanEvery },
  } satisfies Partial<SyncOptions>
}
