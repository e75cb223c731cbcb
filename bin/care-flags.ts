import type { Command } from 'commander'

import type { SyncOptions } from '../lib/index.js'
import { duration, wholeNumber } from './option-values.js'

/** How a run spares both databases; what `sync`, `watch` and `serve` take. */
export interface CareFlags {
  readonly maxSnapshot?: number
  readonly maxRowsPerSecond?: number
  readonly keepHistory?: number
}

export function addCareOptions(command: Command): Command {
  return command
    .option('--max-snapshot <time>', 'of the source, before it takes a new one (5m)', duration)
    .option('--max-rows-per-second <n>', 'read from the source (no limit)', wholeNumber(1))
    .option('--keep-history <time>', 'of runs and comparisons; 0s for ever (400d)', duration)
}

/** The library's options that these flags stand for. */
export function careOptionsOf({ maxSnapshot, maxRowsPerSecond, keepHistory }: CareFlags) {
  const maxSnapshotSeconds = maxSnapshot === undefined ? undefined : maxSnapshot / 1000
  return { maxSnapshotSeconds, maxRowsPerSecond, keepHistory } satisfies Partial<SyncOptions>
}
