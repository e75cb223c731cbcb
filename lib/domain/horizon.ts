/**
 * The horizon: from which change stamp on a run must read, so that after it the target equals the source as of the run's snapshot.
 *
 * A stamp is written before its transaction commits, so rows appear behind any watermark taken from the stamps themselves. Instead, each
 * run remembers which transactions were open, and since when at the latest; when one of them is gone, its rows can have become visible,
 * and the next read begins where that transaction began.
 *
 * Assumption A: every change of a row sets its change column to a time not earlier than the begin of the writing transaction on the
 * source's clock, less the allowance. The allowance therefore has to cover the clock error between the application's hosts and the
 * database, and the time from computing a stamp to `begin`.
 *
 * A probe reads, in this order: the time t, the virtual ids V of all open transactions, and the next transaction id N, which is
 * `xmax + age(xmax)` (the xmax of a snapshot alone is the last *completed* id + 1). Then the snapshot S is taken.
 *
 * Claim: after a good run k, each row version visible in S_k is in the target, or its writer X is in V_k with bound(X) <= begin of X.
 * Proof, by induction, for a version v with stamp u, visible in S_k+1 and not in S_k:
 * 1. X not in V_k: X began after t_k was read, so u >= t_k - allowance >= low, and v is read.
 * 2. X in V_k and not in V_k+1: X is resolved, u >= bound(X) - allowance >= low, and v is read.
 * 3. X in both, committed between probe and snapshot: v may be missed now, but X stays in V_k+1, and the next run meets case 2.
 * bound(X) is the time of the last probe that did not show X, so X began after it. Transaction ids of the last snapshot are resolved in
 * the same way by the probe with the largest N that is not above them, which covers ids whose virtual id was not seen.
 *
 * A standby shows no transactions of its primary. There, low reaches back to the last probe before the oldest transaction of the last
 * snapshot, on the clock of the replayed commits, and the allowance also has to cover the time from `begin` to the first write.
 *
 * Whatever is not known for certain (no state, another server, a transaction older than the first probe) means: read everything.
 */
import type { Micros } from './micros.js'

/** What makes a server and its history the same one as before. */
export interface SourceIdentity {
  readonly system: string
  readonly timeline: string
  readonly database: string
}

/** One process of a server, from its start to its end. */
export interface Server {
  readonly mode: 'primary' | 'standby'
  /** Start of the server process, which renames prepared transactions. */
  readonly startedAt: Micros
}

export interface Probe extends Server {
  /** Time of the source: of its clock on a primary, of the last replayed commit on a standby, where it may be unknown. */
  readonly at: Micros | null
  /** The next transaction id. */
  readonly next: bigint
  /** Virtual ids of the open transactions, prepared ones among them. */
  readonly open: readonly string[]
  /** Whether a prepared transaction is among them. */
  readonly prepared: boolean
  readonly identity: SourceIdentity
}

export interface Snapshot {
  readonly xmin: bigint
  readonly xmax: bigint
  readonly inProgress: readonly bigint[]
  readonly next: bigint
}

interface Point {
  readonly at: Micros
  readonly next: bigint
}

/** What the probes so far have shown. */
export interface Trace {
  readonly mode: Probe['mode']
  readonly identity: SourceIdentity
  readonly startedAt: Micros
  /** In order of time and of next. */
  readonly points: readonly Point[]
  /** Time of the last probe that did not yet show the transaction; null when the first probe already did. */
  readonly bounds: ReadonlyMap<string, Micros | null>
}

/** What a good run leaves for the next one. */
export interface HorizonState extends Trace {
  readonly at: Micros
  /** Time of the target at the same moment; states of earlier versions lack it. */
  readonly targetAt?: Micros
  readonly snapshot: Snapshot
}

/** Adds a probe to what earlier ones have shown; of another server or mode, the trace begins anew. */
export function observe(earlier: Trace | undefined, probe: Probe): Trace {
  const { mode, identity, startedAt, at } = probe
  const known = earlier && changeOfSource(earlier, probe) === undefined ? earlier : undefined
  if (at === null) return { mode, identity, startedAt, points: known?.points ?? [], bounds: new Map() }
  // A clock that was set back would make older points too late.
  const points = (known?.points ?? []).map((point) => (point.at > at ? { ...point, at } : point))
  const previous = points.at(-1)?.at ?? null
  // After a restart the server counts its virtual ids from the start again.
  const before = known?.startedAt === startedAt ? known.bounds : undefined
  const bounds = openOfSource(probe).map((vxid): [string, Micros | null] => {
    const bound = before?.get(vxid)
    return [vxid, bound === undefined ? previous : bound === null ? null : Math.min(bound, at)]
  })
  return {
    mode,
    identity,
    startedAt,
    points: thin([...points, { at, next: probe.next }]),
    bounds: new Map(bounds),
  }
}

/** On a standby these are its own: the process that replays, and readers. */
function openOfSource({ mode, open }: Probe): readonly string[] {
  return mode === 'standby' ? [] : open
}

/** Where to read from, or why everything has to be read. */
export type LowerBound = { readonly low: Micros } | { readonly unknown: string }

/** `trace` is the one that `observe` made of `last` and `probe`. The allowance is in microseconds. */
export function lowerBound(
  last: HorizonState,
  trace: Trace,
  probe: Probe,
  snapshot: Snapshot,
  allowance: Micros,
): LowerBound {
  const changed = changeOfSource(last, probe)
  if (changed) return { unknown: changed }
  if (probe.at === null) return { unknown: 'the standby has not replayed a commit yet' }
  if (snapshot.next < last.snapshot.next) return { unknown: 'the source has forgotten transactions' }
  // How far back it went, and so which stamps were given since, cannot be told.
  if (probe.mode === 'primary' && probe.at < last.at)
    return { unknown: 'the clock of the source was set back' }
  const bounds =
    probe.mode === 'standby'
      ? [boundOf(last.snapshot.xmin, trace)]
      : [...resolvedOpen(last, trace), resolvedXid(last.snapshot, snapshot, trace)]
  if (bounds.includes(null)) return { unknown: 'a transaction was open longer than this pipeline has looked' }
  const known = bounds.filter((bound) => bound !== undefined && bound !== null)
  return { low: Math.min(last.at, probe.at, ...known) - allowance }
}

/** The state that a run with this probe and snapshot leaves. Points that no later run can need are dropped. */
export function nextState(trace: Trace, probe: Probe, snapshot: Snapshot): HorizonState | undefined {
  if (probe.at === null) return undefined
  const newestOld = trace.points.findLastIndex(({ next }) => next <= snapshot.xmin)
  const points = trace.points.slice(Math.max(newestOld, 0))
  return { ...trace, points, at: probe.at, snapshot }
}

/** Since when, at the latest, the oldest transaction has been open that is still open. */
export function heldBackSince({ bounds }: Trace): Micros | null | undefined {
  const values = [...bounds.values()]
  if (values.includes(null)) return null
  const known = values.filter((bound) => bound !== null)
  return known.length > 0 ? Math.min(...known) : undefined
}

/** There is nothing to read: no transaction id was given out since the last snapshot, none was open, and none is left to look after. */
export function nothingWritten(last: HorizonState, trace: Trace, probe: Probe, snapshot: Snapshot): boolean {
  return (
    changeOfSource(last, probe) === undefined &&
    // The list of ids in progress is always empty on a standby; the oldest of them is known there too.
    last.snapshot.xmin === last.snapshot.xmax &&
    last.snapshot.xmax === last.snapshot.next &&
    last.snapshot.next === snapshot.next &&
    // What ended between the last probe and the last snapshot was visible there, but perhaps from before where that run began to read.
    resolvedOpen(last, trace).length === 0
  )
}

/** Whether both looks were at one running server. A restart counts as another one: what a standby shows after it may lie before. */
export function isSameServer(one: Server, other: Server): boolean {
  return one.mode === other.mode && one.startedAt === other.startedAt
}

/** Another server, database or history: what is gone from it may never have been in it. */
export function isOtherSource(last: Trace, { identity }: Probe): boolean {
  return (
    last.identity.system !== identity.system ||
    last.identity.database !== identity.database ||
    last.identity.timeline !== identity.timeline
  )
}

function changeOfSource(last: Trace, probe: Probe): string | undefined {
  const { identity, mode, startedAt } = probe
  if (last.identity.system !== identity.system) return 'the source is another server'
  if (last.identity.database !== identity.database) return 'the source is another database'
  if (last.identity.timeline !== identity.timeline) return 'the source was restored or failed over'
  if (last.mode !== mode) return `the source was a ${last.mode} and is a ${mode}`
  if (last.startedAt !== startedAt && probe.prepared) return 'the source restarted with prepared transactions'
  return undefined
}

/** The bounds of the transactions that were open at the last run and no longer are; a restart has ended them all. */
function resolvedOpen(last: HorizonState, { bounds, startedAt }: Trace): (Micros | null)[] {
  const isOpen = (vxid: string) => startedAt === last.startedAt && bounds.has(vxid)
  return [...last.bounds].flatMap(([vxid, bound]) => (isOpen(vxid) ? [] : [bound]))
}

/** The bound of the oldest transaction id that was open at the last snapshot and no longer is; undefined without one. */
function resolvedXid(last: Snapshot, now: Snapshot, trace: Trace): Micros | null | undefined {
  const open = new Set(now.inProgress)
  const isResolved = (xid: bigint) => xid < now.xmax && !open.has(xid)
  const listed = last.inProgress.filter(isResolved)
  let assigned = last.xmax
  while (assigned < last.next && open.has(assigned)) assigned += 1n
  if (assigned < last.next && isResolved(assigned)) listed.push(assigned)
  if (listed.length === 0) return undefined
  return boundOf(
    listed.reduce((oldest, xid) => (xid < oldest ? xid : oldest)),
    trace,
  )
}

/** Time of the last point at which the id had not been given out. */
function boundOf(xid: bigint, { points }: Trace): Micros | null {
  return points.findLast(({ next }) => next <= xid)?.at ?? null
}

/** Without every second of the older points bounds get earlier, never later; so a state stays small however long something is open. */
function thin(points: readonly Point[]): readonly Point[] {
  if (points.length <= 512) return points
  return points.filter((_, index) => index % 2 === 0 || index > 256)
}
