/**
 * The horizon, also called low watermark: the change stamp from which a run must read, so that after it the target equals the source as
 * of the run's snapshot.
 *
 * A stamp is written before its transaction commits, so rows appear behind any watermark taken from the stamps themselves. Instead, each
 * run remembers which transactions were open, and since when at the latest; when one of them has ended, its rows can have become
 * visible, and the next read begins where that transaction began.
 *
 * Only transactions of the source's database are remembered, as no other can write its rows: a process works in one database for as long
 * as it lives, and a prepared transaction is of the one in which it was prepared. A process without a database writes no rows at all, and
 * one that is still logging in has begun no transaction of its own yet: what it begins later is case 1. A prepared transaction that cannot
 * be placed counts as being of this one.
 *
 * Assumption A: every change of a row sets its change column to a time not earlier than the start of the writing transaction on the
 * source's clock, less the clock skew allowed. That therefore has to cover the clock error between the application's hosts and the
 * database, and the time from computing a stamp to `begin`.
 *
 * A probe reads the time t, then the next transaction id N, which is `xmax + age(xmax)` (the xmax of a snapshot alone is the last
 * *completed* id + 1), and then, of the transactions of this database, the virtual ids V of the open ones and the ids W of those that
 * have one. Then the snapshot S is taken.
 *
 * Claim: after a successful run k, each row version visible in S_k is in the target, or its writer X is in V_k with bound(X) <= begin of
 * X. Proof, by induction, for a version v with stamp u, visible in S_k+1 and not in S_k; its writer X is of this database:
 * 1. X not in V_k: X began after t_k was read, so u >= t_k - skew >= low, and v is read.
 * 2. X in V_k and not in V_k+1: X is resolved, u >= bound(X) - skew >= low, and v is read.
 * 3. X in both, committed between probe and snapshot: v may be missed now, but X stays in V_k+1, and the next run meets case 2.
 * bound(X) is the time of the last probe that did not show X, so X began after it.
 *
 * A run need not read at all when N_k is the next id in S_k and in S_k+1 too, no id of W_k is in progress in S_k, and V_k+1 still shows
 * all of V_k. For let v be visible in S_k+1. If not in S_k, then X was given its id before N_k was read and had not ended at S_k, so W_k,
 * which is read later than N_k, shows it, against the premise. (Should W_k have missed it, V_k+1 shows it, and that is case 3.) If v is
 * visible in S_k, then X has ended before V_k+1 was read, so X is not in V_k by the premise, and v is in the target by the claim. That
 * other databases hold transactions open changes nothing of this. Ids that they take between two runs do: those that have ended again can
 * no longer be placed, so the run reads.
 *
 * The ids of W_k that have ended in S_k+1 are resolved as well, by the last probe with N <= x. No case needs that; it covers a
 * transaction whose virtual id was not seen. Of the other ids of a snapshot, those below N_k are of other databases, as they would be in
 * W_k, or of subtransactions, whose transaction has a lower one; and those from N_k on would be resolved by t_k, where low begins anyway.
 *
 * A standby shows no transactions of its primary, nor of which database an id is. There, low reaches back to the last probe before the
 * oldest transaction of the last snapshot, whatever its database, on the clock of the replayed commits, and the clock skew allowed also
 * has to cover the time from `begin` to the first write.
 *
 * Whatever is not known for certain (no state, another server, a transaction older than the first probe) means: read everything.
 */

/**
 * A point in time as integer microseconds since 1970 in UTC, the resolution of PostgreSQL. As a number it is exact up to the year 2255.
 * A Date would lose three digits, so no time that is compared or stored passes through one.
 */
export type Micros = number

/** `1764021845123456` as `2025-11-24 22:04:05.123456`: what PostgreSQL reads as a timestamp, whatever its session settings. */
export function formatMicros(at: Micros): string {
  const millis = Math.floor(at / 1000)
  const iso = new Date(millis).toISOString().replace('T', ' ').replace('Z', '')
  return `${iso}${String(at - millis * 1000).padStart(3, '0')}`
}

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
  /** Virtual ids of the open transactions of the source's database, prepared ones among them. */
  readonly open: readonly string[]
  /** Transaction ids of those among them that have one, read after `next`. */
  readonly writing: readonly bigint[]
  /** Whether a prepared transaction is among them. */
  readonly prepared: boolean
  readonly identity: SourceIdentity
}

/** A snapshot as PostgreSQL shows it: of all databases of the server. */
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

/** What a successful run leaves for the next one. */
export interface HorizonState extends Trace {
  readonly at: Micros
  /** Time of the target at the same moment; states of earlier versions lack it. */
  readonly targetAt?: Micros
  /**
   * The snapshot without the ids of other databases: `xmin` is the oldest id that may still become visible, or `next` for none. States of
   * earlier versions, and of a standby, include the other databases.
   */
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

/** Microseconds that may lie between two looks at two clocks; the clock skew allowed covers as much. */
const latency = 1_000_000

/**
 * The last state with its times moved onto the source's clock as it is now. A clock that was set back and has passed the time of the last
 * run again shows nothing of that, but stamps from in between lie before that time. By the target's clock more time has passed since, and
 * all noted times move back by the difference. What this cannot show is that both clocks were set back at once, as on one machine.
 *
 * A clock that is still behind the last run is left to `lowerBound`, which then requires reading everything. A standby shows no clock of
 * its own.
 */
export function onClockOf(probe: Probe, last: HorizonState, targetAt: Micros): HorizonState {
  if (probe.mode === 'standby' || probe.at === null || probe.at < last.at) return last
  if (last.targetAt === undefined) return last
  const lost = targetAt - last.targetAt - (probe.at - last.at)
  return lost > latency ? movedBack(last, lost) : last
}

function movedBack(last: HorizonState, by: Micros): HorizonState {
  const points = last.points.map(({ at, next }) => ({ at: at - by, next }))
  const bounds = [...last.bounds].map(([vxid, at]): [string, Micros | null] => [
    vxid,
    at === null ? null : at - by,
  ])
  return { ...last, at: last.at - by, points, bounds: new Map(bounds) }
}

/** Where to read from, or why everything has to be read. */
export type LowerBound = { readonly low: Micros } | { readonly unknown: string }

/** `trace` is the one that `observe` made of `last` and `probe`; `skew` is the clock skew allowed. */
export function lowerBound(
  last: HorizonState,
  trace: Trace,
  probe: Probe,
  snapshot: Snapshot,
  skew: Micros,
): LowerBound {
  const changed = changeOfSource(last, probe)
  if (changed) return { unknown: changed }
  if (probe.at === null) return { unknown: 'the standby has not replayed a commit yet' }
  if (snapshot.next < last.snapshot.next) return { unknown: 'the source has forgotten transactions' }
  // How far back it went, and so which stamps were given since, is unknown.
  if (probe.mode === 'primary' && probe.at < last.at)
    return { unknown: 'the clock of the source was set back' }
  const bounds =
    probe.mode === 'standby'
      ? [boundOf(last.snapshot.xmin, trace)]
      : [...resolvedOpen(last, trace), ...resolvedIds(last, trace, snapshot)]
  if (bounds.includes(null)) return { unknown: 'a transaction was open longer than this pipeline has looked' }
  const known = bounds.filter((bound) => bound !== null)
  return { low: Math.min(last.at, probe.at, ...known) - skew }
}

/** The state that a run with this probe and snapshot leaves. Points that no later run can need are dropped. */
export function nextState(trace: Trace, probe: Probe, given: Snapshot): HorizonState | undefined {
  if (probe.at === null) return undefined
  const snapshot = ofDatabase(given, probe)
  const newestOld = trace.points.findLastIndex(({ next }) => next <= snapshot.xmin)
  const since = heldBackSince(trace, snapshot)
  const points = trace.points.filter(({ at }, index) => index >= newestOld || at === since)
  return { ...trace, points, at: probe.at, snapshot }
}

/** An open transaction may have begun before the first probe, so that nobody knows when. */
export function isBeginUnknown(trace: Trace, probe: Probe, snapshot: Snapshot): boolean {
  const [first] = trace.points
  return (
    heldBackSince(trace, snapshot) === null ||
    (first !== undefined && ofDatabase(snapshot, probe).xmin < first.next)
  )
}

/** Ids from the probe's next one on count as this database's, as far as anybody knows. */
function ofDatabase(snapshot: Snapshot, { mode, next, writing }: Probe): Snapshot {
  if (mode === 'standby') return snapshot
  const inProgress = writing.filter((xid) => !hasEnded(xid, snapshot))
  const xmin = inProgress.reduce((oldest, xid) => (xid < oldest ? xid : oldest), next)
  return { ...snapshot, inProgress, xmin }
}

/** The first probe, as far as is kept, that showed the oldest transaction that is still open; null where it was the very first. */
export function heldBackSince({ mode, points, bounds }: Trace, { xmin }: Snapshot) {
  if (mode === 'standby') return points.find(({ next }) => next > xmin)?.at
  if (bounds.size === 0 || [...bounds.values()].includes(null)) return bounds.size === 0 ? undefined : null
  return (points.find(({ at }) => at > Math.min(...[...bounds.values()].map(Number))) ?? points.at(-1))?.at
}

/** There is nothing to read: no transaction id was given out since the last snapshot, and no transaction of then is left to look after. */
export function nothingWritten(last: HorizonState, trace: Trace, probe: Probe, snapshot: Snapshot): boolean {
  return (
    changeOfSource(last, probe) === undefined &&
    last.snapshot.xmin === last.snapshot.next &&
    last.snapshot.next === snapshot.next &&
    // What ended between the last probe and the last snapshot was visible there, but perhaps from before where that run began to read.
    resolvedOpen(last, trace).length === 0
  )
}

/** Whether both looks were at one running server. A restart counts as another one: what a standby shows after it may lie before. */
export function isSameServer(one: Server, other: Server): boolean {
  return one.mode === other.mode && one.startedAt === other.startedAt
}

/** Another server, database or history: what is missing there may never have been there. */
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

/** The bounds of the transaction ids that were in progress at the last run and no longer are. */
function resolvedIds({ snapshot: last }: HorizonState, trace: Trace, now: Snapshot): (Micros | null)[] {
  return last.inProgress.filter((xid) => hasEnded(xid, now)).map((xid) => boundOf(xid, trace))
}

/** Of an id that had been given out, and is of no subtransaction. */
function hasEnded(xid: bigint, { xmax, inProgress }: Snapshot): boolean {
  return xid < xmax && !inProgress.includes(xid)
}

/** Time of the last point at which the id had not been given out. */
function boundOf(xid: bigint, { points }: Trace): Micros | null {
  return points.findLast(({ next }) => next <= xid)?.at ?? null
}

/** Without every second of the older points bounds get earlier, never later; so a state stays small however long something is open. */
function thin(points: readonly Point[]): readonly Point[] {
  if (points.length <= 512) return points
  return points.filter((_, index) => index < 2 || index % 2 === 0 || index > 256)
}
