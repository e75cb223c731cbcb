import { hookFailed } from '../domain/errors.js'
import type { Micros } from '../domain/horizon.js'
import type { Progress } from '../domain/progress.js'
import type { Released } from '../postgres/target/make-room.js'
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
  readonly rejected: RejectedTally
  readonly sideEffects: {
    /** What soft-deleted rows gave up for rows that exist. */
    readonly released: Released[]
    /** Rows that a trigger of the table stored with other content. */
    changedByTriggers: number
  }
  readonly phases: Record<keyof Phases, number>
  /** Milliseconds that the source took for feeds, by name. */
  readonly feedsTook: Map<string, number>
  readonly warnings: Warning[]
  /** Key of a row that was written last; null as long as none was. */
  lastWritten: string | null
}

/** More of the rows that were rejected than their number. */
export interface RejectedTally {
  /** Those that an earlier run had rejected, too. */
  again: number
  /** How many by the reason. */
  readonly reasons: Map<string, number>
  /**
   * Keys of those that were rejected because of other rows of the table, with the reason where this attempt has counted it: they are tried once
   * more, all together, at the end.
   */
  readonly inConflict: Map<string, string | undefined>
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
    rejected: { again: 0, reasons: new Map(), inConflict: new Map() },
    sideEffects: { released: [], changedByTriggers: 0 },
    feedsTook: new Map(),
    phases: { connect: 0, probe: 0, feeds: 0, extract: 0, transform: 0, load: 0, deletes: 0 },
    warnings: [],
    lastWritten: null,
  }
}

/** What is counted of rows while they are loaded. */
type Loaded = Pick<Tally, 'counts' | 'keys' | 'rejected' | 'sideEffects' | 'phases' | 'lastWritten'>

const phaseNames = ['connect', 'probe', 'feeds', 'extract', 'transform', 'load', 'deletes'] as const

/** Adds what was counted apart. */
export function addLoaded(sum: Loaded, part: Loaded): void {
  addRows(sum, part)
  sum.keys += part.keys
  sum.sideEffects.released.push(...part.sideEffects.released)
  sum.sideEffects.changedByTriggers += part.sideEffects.changedByTriggers
  for (const name of phaseNames) sum.phases[name] += part.phases[name]
  sum.lastWritten = part.lastWritten ?? sum.lastWritten
}

/** The same of the rows alone, and why the target has rejected some. */
export function addRows(
  sum: Pick<Tally, 'counts' | 'rejected'>,
  part: Pick<Tally, 'counts' | 'rejected'>,
): void {
  addCounts(sum.counts, part.counts)
  sum.rejected.again += part.rejected.again
  for (const [reason, rows] of part.rejected.reasons) {
    sum.rejected.reasons.set(reason, (sum.rejected.reasons.get(reason) ?? 0) + rows)
  }
  for (const [key, reason] of part.rejected.inConflict) sum.rejected.inConflict.set(key, reason)
}

export function addCounts(sum: Tally['counts'], part: Counts): void {
  sum.rowsExtracted += part.rowsExtracted
  sum.rowsInserted += part.rowsInserted
  sum.rowsUpdated += part.rowsUpdated
  sum.rowsUnchanged += part.rowsUnchanged
  sum.rowsRejected += part.rowsRejected
  sum.rowsDeleted += part.rowsDeleted
}

/** Adds the milliseconds that the work takes to a phase. */
export async function measure<T>(
  { phases }: Pick<Tally, 'phases'>,
  phase: keyof Phases,
  work: () => Promise<T>,
): Promise<T> {
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
  { counts }: Pick<Tally, 'counts'>,
  step: { readonly phase: Progress['phase']; readonly rowsExpected: number | null },
): void {
  if (!onProgress) return
  try {
    onProgress({ ...step, rowsExtracted: counts.rowsExtracted })
  } catch (cause) {
    throw hookFailed('onProgress', cause)
  }
}

/** What else an operator should know of the rows that were loaded. */
export function loadWarnings({ sideEffects }: Pick<Tally, 'sideEffects'>, table: string): Warning[] {
  const { released, changedByTriggers: changed } = sideEffects
  const warnings: Warning[] = []
  const sums = new Map<string, { emptied: number; removed: number }>()
  for (const { rule, column, emptied, removed } of released) {
    const name = `${column}, which ${rule} keeps unique`
    const sum = sums.get(name) ?? { emptied: 0, removed: 0 }
    sums.set(name, { emptied: sum.emptied + emptied, removed: sum.removed + removed })
  }
  for (const [name, { emptied, removed }] of sums) {
    const message = `Soft-deleted rows gave up the value of ${name}, to rows that have it now: it is NULL in ${emptied} of them, and ${removed} were removed, as it cannot be NULL.`
    warnings.push({ code: 'VALUES_RELEASED', message })
  }
  if (changed > 0) {
    const message = `A trigger of ${table} stored ${changed} ${changed === 1 ? 'row' : 'rows'} with other content than the source has; each full run writes them again, and verify counts them as stale. Drop it, or let it leave the columns that are loaded alone.`
    warnings.push({ code: 'CHANGED_BY_TRIGGER', message })
  }
  return warnings
}

/** To tenths of a millisecond, as a report shows them. */
export function rounded(phases: Phases): Phases {
  const round = (name: keyof Phases) => Math.round(phases[name] * 10) / 10
  return {
    connect: round('connect'),
    probe: round('probe'),
    feeds: round('feeds'),
    extract: round('extract'),
    transform: round('transform'),
    load: round('load'),
    deletes: round('deletes'),
  }
}
