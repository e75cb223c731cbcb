/**
 * Which feeds a run reads, and through when each of them is complete.
 *
 * A feed shows changes by one column. Where an index leads to its newest stamps, reading it costs what changed, and every run does. Where none
 * does, the source scans the whole table, which grows with history; such a feed is read by some runs and left out by the others. What only it
 * shows then waits, so there are two times: through when the feeds that every run reads are complete, which is the probe of the run, and
 * through when all of them are, the earliest of their times. Only the second one may be called the watermark.
 *
 * Claim: with the bound `least(since, low)`, where `since` is the earliest low watermark of the runs that have left the feed out since it was
 * last read, a run k misses nothing that the feed shows and that lib/domain/horizon.ts claims for a run that had read it each time. Let the
 * feed have been read by run s, left out by s+1 to k-1, and read by k; let v be a row version that is visible in S_k and not in S_s. A version
 * that is visible stays so in later snapshots (as old or new), so there is a first j, s < j <= k, with v visible in S_j and not in S_j-1. By
 * the proof there, for runs j-1 and j: in the cases 1 and 2 the stamp of v is at or after low_j, and low_j is one of those of which `since` and
 * low are the earliest. In case 3 its writer was open at the probes of both runs and ended before S_j, so that run j+1 begins to read where it
 * began: low_j+1 is at or before the stamp. If j < k, low_j+1 is among the bounds of k as well. If j = k, it becomes the `since`, or the low, of
 * the next run that reads the feed. So each change is found by the first read after the run in which it would have been found.
 *
 * What follows from it:
 * - The bound of a feed is its own. A run that leaves it out must not move it, or what changed meanwhile would never be read.
 * - A run that fails leaves no state, so it has read no feed: the next one has the same bounds, and scans what is due.
 * - A feed of which nothing is known (a state of an earlier release, another program's history) is read from low, as every run before has
 *   read it, or that history never did; and how long it takes is unknown until then.
 * - Where no transaction was given an id since the last run, a feed that is complete stays so, and one that is not stays as it is.
 * - When the clock of the source was set back, times through which feeds are complete move back with those of the low watermark; bounds are
 *   of stamps that were given before, and stay.
 * - An index that appears or vanishes changes who reads the feed, and not from where.
 * - A full load has read everything. An earlier release does not know of bounds of single feeds: a state with a feed that was left out is
 *   written so that it cannot read it, and reads everything (see `toJson`).
 *
 * The budget: the feeds without an index share `scanShare` of the time, and are scanned together, so that the watermark advances to that run.
 * A scan counts with the time that it took, or with what its pages take from a volume of 2,000 reads a second where that is longer: from memory a
 * gigabyte is read in half a second, and yet it takes the place of what the application reads there. A feed that takes less than 20 ms, or whose
 * table has less than 8 MB, which no busy machine turns into a large one, is read by every run. `scanEvery` wins over the share.
 *
 * Edits of messages have a timetable of their own, as every run can look for those of the last days; see `planEdits`.
 */
import type { Micros } from './horizon.js'

/** What is known of one feed after a run. */
export interface FeedState {
  /** The target has every change that the feed shows, through this time of the source. */
  readonly through: Micros
  /** The earliest low watermark of the runs that have left it out since it was last read; null where none has. */
  readonly since: Micros | null
  /** Milliseconds that the source took to read it last; null where no run has measured it. */
  readonly took: number | null
  /** Pages of its table then. */
  readonly pages: number
}

/** By the name of the feed. */
export type FeedStates = Readonly<Record<string, FeedState>>

/** How the source gets to the rows that a feed shows. */
export interface FeedPath {
  readonly feed: string
  readonly isIndexed: boolean
  /** Of its table, 8 kB each; 0 where it is no table. */
  readonly pages: number
}

/** How much of the source's time scans may take: `scanShare` from 0 to 1, `scanEvery` in milliseconds. */
export interface ScanLimits {
  readonly scanShare: number
  readonly scanEvery: number
}

/** The run for which it is decided. */
export interface ScanRun {
  readonly at: Micros
  readonly low: Micros
  readonly paths: readonly FeedPath[]
  /** It reads every feed, whatever the limits are. */
  readonly isComplete: boolean
}

/** Milliseconds; a scan that takes less is no load. */
const smallScan = 20

/** Pages, 8 MB: a scan of as many takes longer than `smallScan` only where the machine is busy with something else. */
const smallTable = 1000

/** Milliseconds for one page, of a volume with 2,000 reads a second. */
const pageTime = 1 / 2

/** The feeds that a run reads, and the stamp from which on. The others are left out. */
export function planScans(
  before: FeedStates | undefined,
  { at, low, paths, isComplete }: ScanRun,
  limits: ScanLimits,
): ReadonlyMap<string, Micros> {
  const isWaiting = ({ feed, isIndexed, pages }: FeedPath) => {
    const state = before?.[feed]
    return !isComplete && !isIndexed && state !== undefined && isCostly({ ...state, pages }, limits)
  }
  const waiting = paths.filter(isWaiting)
  const states = waiting.flatMap(({ feed, pages }) => {
    const state = before?.[feed]
    return state ? [{ ...state, pages }] : []
  })
  const left = areDue(states, at, limits) ? [] : waiting
  const read = paths.filter((path) => !left.includes(path))
  return new Map(read.map(({ feed }) => [feed, Math.min(before?.[feed]?.since ?? low, low)]))
}

/** Whether a feed has been left out that a run would read now, by what was measured last. */
export function isScanDue(
  states: FeedStates | undefined,
  at: Micros,
  limits: ScanLimits & { readonly isComplete: boolean },
): boolean {
  const all = Object.values(states ?? {})
  const left = all.filter(({ since }) => since !== null)
  if (left.length === 0) return false
  return limits.isComplete || areDue(left, at, limits) || left.some((state) => !isCostly(state, limits))
}

/** The states after a run that has read some of the feeds; `took` has the milliseconds of those that were measured. */
export function statesAfter(
  before: FeedStates | undefined,
  { at, low, paths }: Pick<ScanRun, 'at' | 'low' | 'paths'>,
  { read, took }: { readonly read: ReadonlySet<string>; readonly took: ReadonlyMap<string, number> },
): FeedStates {
  const after = ({ feed, pages }: FeedPath): FeedState => {
    const state = before?.[feed]
    if (read.has(feed) || !state)
      return { through: at, since: null, took: took.get(feed) ?? state?.took ?? null, pages }
    return { ...state, since: Math.min(state.since ?? low, low) }
  }
  return Object.fromEntries(paths.map((path) => [path.feed, after(path)]))
}

/** The states after a run before which nothing was written. */
export function statesWhenIdle(before: FeedStates | undefined, at: Micros): FeedStates | undefined {
  if (!before) return undefined
  const after = (state: FeedState) => (state.since === null ? { ...state, through: at } : state)
  return Object.fromEntries(Object.entries(before).map(([feed, state]) => [feed, after(state)]))
}

/** The same states on a clock that was set back by so many microseconds. */
export function statesMovedBack(states: FeedStates | undefined, by: Micros): FeedStates | undefined {
  if (!states || by === 0) return states
  return Object.fromEntries(
    Object.entries(states).map(([feed, state]) => [feed, { ...state, through: state.through - by }]),
  )
}

/** Through when the target has every change that any feed shows, after a run whose probe was at `at`. */
export function completeThrough(states: FeedStates | undefined, at: Micros): Micros {
  return Math.min(at, ...Object.values(states ?? {}).map(({ through }) => through))
}

/** Whether a run has left out a feed that none has read since. */
export function isAnyLeftOut(states: FeedStates | undefined): boolean {
  return Object.values(states ?? {}).some(({ since }) => since !== null)
}

function isCostly({ took, pages }: FeedState, { scanShare }: ScanLimits): boolean {
  if (scanShare === 0) return true
  return took !== null && took >= smallScan && pages > smallTable
}

/** All of them at once: as long ago as their scans together may be repeated, or as `scanEvery` wants it. */
function areDue(states: readonly FeedState[], at: Micros, { scanShare, scanEvery }: ScanLimits): boolean {
  if (states.length === 0) return true
  const passed = (at - Math.min(...states.map(({ through }) => through))) / 1000
  return passed < 0 || passed >= Math.min(scanEvery, waitBetween(states, scanShare))
}

/** Milliseconds from one scan of these feeds to the next by the share alone. */
export function waitBetween(states: readonly Pick<FeedState, 'took' | 'pages'>[], scanShare: number): number {
  if (scanShare === 0) return Infinity
  const cost = states.reduce((sum, { took, pages }) => sum + Math.max(took ?? 0, pages * pageTime), 0)
  return cost / scanShare
}

/** Which edited messages a run looks for. */
export interface EditBounds {
  /** By the index, those created since then that were edited since the low watermark; null for none. */
  readonly among: Micros | null
  /** By a scan of all messages; null for a run that leaves it out. */
  readonly scan: EditScan | null
}

/** Messages edited since then, and created before; null for those of any age. */
export interface EditScan {
  readonly since: Micros
  readonly before: Micros | null
}

/** Up to this number a scan of all messages costs less than the rest of a run. */
const fewMessages = 250_000

/** When all messages were last scanned for edits, and what was left out since. */
export interface EditState {
  /** Source time of the last scan of all messages. */
  readonly lookedAt: Micros
  /** The earliest bound of the runs since then; null when there was none. */
  readonly since: Micros | null
  /** Milliseconds that it took the source; states of earlier releases lack it. */
  readonly took?: number | undefined
}

export interface EditPlan {
  readonly bounds: EditBounds
  /** What the next run starts from. */
  readonly next: EditState
  /** The same of what each run looks at; see `EditHistory`. */
  readonly editsAmong: Micros | null
}

/** What runs before have left. */
export interface EditHistory {
  readonly edits?: EditState | undefined
  /** Messages created since then every run since the last scan has looked at; undefined where it is not known of each of them. */
  readonly editsAmong?: Micros | null | undefined
}

/** The run for which it is decided. */
export interface EditRun {
  readonly at: Micros
  readonly low: Micros
  /** Number of messages, estimated. */
  readonly messages: number
  /** An index leads to edits, or the run was asked for all of them. */
  readonly readsAll: boolean
}

/**
 * Which edited messages to look for. A change that became visible since the last scan of all messages has a stamp at or after the
 * bound of one of the runs since, so the earliest of these bounds misses none. `editWindow` and `editScanEvery` are milliseconds.
 *
 * Of messages that every one of these runs and this one look at by the index, the scan has nothing to add: the first of the runs that could see
 * a change has found it, or, where its writer was still open at the probe of that run, the one after it, as `lib/domain/horizon.ts` proves.
 * If that one is the run after this one, its low watermark is part of the next scan. So the scan is for those created before the latest of the
 * times since which these runs have looked. In a run that follows a scan, nothing has been left out.
 */
export function planEdits(
  { edits: last, editsAmong: before }: EditHistory,
  run: EditRun,
  { editWindow, editScanEvery }: { readonly editWindow: number; readonly editScanEvery: number },
): EditPlan {
  const { at, low, messages, readsAll } = run
  const since = Math.min(last?.since ?? low, low)
  const isLeft = typeof last?.since === 'number'
  const isDue = readsAll || !last || messages <= fewMessages || at - last.lookedAt >= editScanEvery * 1000
  const own = low - editWindow * 1000
  const among = isLeft ? (typeof before === 'number' ? Math.max(before, own) : null) : own
  if (!isDue) return { bounds: { among: own, scan: null }, next: { ...last, since }, editsAmong: among }
  const isYoungFound = isLeft && among !== null
  return {
    bounds: { among: isYoungFound ? own : null, scan: { since, before: isYoungFound ? among : null } },
    next: { ...last, lookedAt: at, since: null },
    editsAmong: null,
  }
}
