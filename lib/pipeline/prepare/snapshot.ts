import { CompiledQuery } from 'kysely'

import {
  messagesOf,
  smallTables,
  timeZonesOf,
  toSmallTables,
  type SmallTables,
} from '../../chatwoot/feeds.js'
import { onClockOf } from '../../domain/clock.js'
import { hashKeyOf } from '../../domain/column-hash.js'
import { SyncError } from '../../domain/errors.js'
import {
  heldBackSince,
  isSameServer,
  lowerBound,
  nextState,
  nothingWritten,
  observe,
  type HorizonState,
  type Probe,
  type Server,
  type Snapshot,
  type Trace,
} from '../../domain/horizon.js'
import { formatMicros, type Micros } from '../../domain/micros.js'
import type { Warning } from '../../domain/report.js'
import type { ResolvedOptions } from '../../options.js'
import { handOverKey } from '../../postgres/source/protection.js'
import { probeSource, readSnapshot, toServer, toSnapshot } from '../../postgres/source/probe.js'
import type { Session } from '../../postgres/driver/session.js'
import { beginReading } from '../../postgres/driver/transaction.js'
import { compile } from '../../postgres/driver/statement.js'
import { pause } from '../../domain/abort.js'

/** What a run knows of the source before it reads: the open snapshot, and from where on it has to read. */
export interface Outlook {
  readonly probe: Probe
  readonly snapshot: Snapshot
  /** What the next run goes on from; undefined when this run cannot vouch for anything. */
  readonly horizon: HorizonState | undefined
  /** Microseconds; undefined for everything. */
  readonly low: Micros | undefined
  /** Why everything is read though less was asked for. */
  readonly reason: string | undefined
  /** No transaction wrote anything since the last good run. */
  readonly isIdle: boolean
  readonly smallTables: SmallTables | undefined
  /** Messages in the source, estimated. */
  readonly messages: number
  /** Time zones of the inboxes. */
  readonly timeZones: readonly string[]
  readonly warnings: readonly Warning[]
}

/**
 * Opens the one transaction in which it is read, and works out from where on to read. Without an earlier state it
 * first waits, for seconds at most, until the transactions that are open have ended, as nobody can tell how long they have been.
 * Throws SOURCE_IDENTITY_CHANGED when the snapshot is of another server than the probe.
 */
export async function lookAtSource(
  source: Session,
  { probe: firstProbe, targetAt }: { readonly probe: Probe; readonly targetAt: Micros },
  kept: HorizonState | undefined,
  options: ResolvedOptions,
): Promise<Outlook> {
  const last = kept && onClockOf(firstProbe, kept, targetAt)
  let probe = firstProbe
  let trace = observe(last, probe)
  let { snapshot, rows } = await openSnapshot(source, probe, options)
  for (let waited = 0; !last && isOpenUnknown(trace, snapshot) && waited < 3000; waited += 250) {
    await source.script(['rollback'])
    await pause(250, options.signal)
    probe = await probeSource(source)
    trace = observe(trace, probe)
    ;({ snapshot, rows } = await openSnapshot(source, probe, options))
  }
  const horizon = nextState(trace, probe, snapshot)
  const bound = last && lowerBound(last, trace, probe, snapshot, options.skewAllowance * 1000)
  return {
    probe,
    snapshot,
    horizon: horizon && { ...horizon, targetAt: targetAt + (horizon.at - (firstProbe.at ?? horizon.at)) },
    low: bound && 'low' in bound ? bound.low : undefined,
    reason: bound && 'unknown' in bound ? bound.unknown : undefined,
    isIdle: last !== undefined && nothingWritten(last, trace, probe, snapshot),
    smallTables: options.relation ? undefined : toSmallTables(rows),
    messages: messagesOf(rows),
    timeZones: timeZonesOf(rows),
    warnings: heldBack(trace, probe, options.skewAllowance),
  }
}

/**
 * The small tables come with the snapshot, in the same round trip. Throws SOURCE_IDENTITY_CHANGED when it is of another server than the
 * probe, as behind an address that leads to several: what the probe vouches for, another one may not have yet.
 */
export async function openSnapshot(source: Session, probed: Server, options: ResolvedOptions) {
  const { relation, columns, hashSecret } = options
  const tables = relation ? [] : [compile(smallTables())]
  const key = columns?.hash?.length && hashSecret !== undefined ? handOverKey(hashKeyOf(hashSecret)) : []
  const begin = [...beginReading(options), ...key].map((text) => CompiledQuery.raw(text))
  const results = await source.together([...begin, readSnapshot, ...tables])
  const [taken = [], rows = []] = results.slice(begin.length)
  if (!isSameServer(probed, toServer(taken))) throw otherServer()
  return { snapshot: toSnapshot(taken), rows }
}

/** The source became another server in the middle of a run. */
export function otherServer(): SyncError {
  return new SyncError(
    'SOURCE_IDENTITY_CHANGED',
    'Another server answered, or the same one after a restart, while the run was at work.',
    {
      remedy: 'Run it again. If the address leads to several servers, give the address of one of them.',
      details: { isWhileReading: true },
    },
  )
}

/** A snapshot also holds the transactions of the server's other databases, which the probe leaves out. */
function isOpenUnknown(trace: Trace, { xmin }: Snapshot): boolean {
  const [first] = trace.points
  return heldBackSince(trace) === null || (first !== undefined && xmin < first.next)
}

/** A transaction that has been open for over ten allowances makes each run read again what changed meanwhile. */
function heldBack(trace: Trace, { at }: Probe, skewAllowance: number): Warning[] {
  const since = heldBackSince(trace)
  if (since === undefined || at === null) return []
  if (since !== null && at - since < skewAllowance * 10_000) return []
  const message =
    since === null
      ? 'A transaction of the source has been open since before the first run; when it ends, one run reads everything.'
      : `A transaction of the source has been open since at least ${formatMicros(since).slice(0, 19)} UTC; ` +
        'until it ends, each run reads again what changed since then.'
  return [{ code: 'HELD_BACK', message }]
}

/** Throws STANDBY_BEHIND when the source is a standby that has not reached the last good run. */
export function requireNotBehind(outlook: Outlook, last: HorizonState | undefined): void {
  const { probe, snapshot } = outlook
  if (probe.mode !== 'standby' || !last || last.mode !== 'standby' || snapshot.next >= last.snapshot.next)
    return
  throw new SyncError(
    'STANDBY_BEHIND',
    'The standby is behind the point up to which the last run has read.',
    {
      remedy: 'Wait until it has caught up, or read the primary.',
    },
  )
}
