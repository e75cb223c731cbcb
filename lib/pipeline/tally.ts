import { hookFailed } from '../domain/hook-failed.js'
import type { Micros } from '../domain/micros.js'
import type { Progress } from '../domain/progress.js'
import type { Counts, Phases, Warning } from '../domain/report.js'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** What a run has counted so far. The database counts the rows of each statement; this only adds them up. */
export interface Tally {
  readonly counts: Mutable<Counts>
  /** Different keys that were loaded. */
  keys: number
  /** Under how many snapshots of the source rows were read. */
  snapshots: number
  /** By how much stamps were late at most; null where that was not measured. */
  skewUsed: Micros | null
  /** Those of the rejected rows that an earlier run had rejected, too. */
  rejectedAgain: number
  /** Rejected rows by the reason. */
  readonly rejectReasons: Map<string, number>
  readonly phases: Record<keyof Phases, number>
  readonly warnings: Warning[]
}

/** Starts with what the run had committed before it was interrupted. */
export function newTally(committed?: Counts): Tally {
  return {
    counts: {
      rowsExtracted: committed?.rowsExtracted ?? 0,
      rowsInserted: committed?.rowsInserted ?? 0,
      rowsUpdated: committed?.rowsUpdated ?? 0,
      rowsUnchanged: committed?.rowsUnchanged ?? 0,
      rowsRejected: committed?.rowsRejected ?? 0,
      rowsDeleted: committed?.rowsDeleted ?? 0,
    },
    keys: 0,
    snapshots: 1,
    skewUsed: null,
    rejectedAgain: 0,
    rejectReasons: new Map(),
    phases: { connect: 0, probe: 0, feeds: 0, extract: 0, transform: 0, load: 0, deletes: 0 },
    warnings: [],
  }
}

/** Adds the milliseconds that the work takes to a phase. */
export async function measure<T>({ phases }: Tally, phase: keyof Phases, work: () => Promise<T>): Promise<T> {
  const began = performance.now()
  try {
    return await work()
  } finally {
    phases[phase] += performance.now() - began
  }
}

/** Calls the caller's hook. Throws HOOK_FAILED when the hook throws. */
export function emitProgress(
  onProgress: ((progress: Progress) => void) | undefined,
  { counts }: Tally,
  step: { readonly phase: Progress['phase']; readonly rowsExpected: number | null },
): void {
  if (!onProgress) return
  try {
    onProgress({ ...step, rowsExtracted: counts.rowsExtracted })
  } catch (cause) {
    throw hookFailed('onProgress', cause)
  }
}
