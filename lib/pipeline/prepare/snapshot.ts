import { chatwootColumnsQuery, noChatwootColumns, type ChatwootTables } from '../../chatwoot/catalog.js'
import {
  messagesOf,
  smallTables,
  timeZonesOf,
  toSmallTables,
  editFeed,
  scannedFeeds,
  type ShownCells,
  type SmallTables,
} from '../../chatwoot/feeds.js'
import { stampedTables } from '../../chatwoot/tables.js'
import { pause } from '../../domain/abort.js'
import { hashKeyOf } from '../../domain/column-hash.js'
import { SyncError } from '../../domain/errors.js'
import {
  isBeginUnknown,
  isSameServer,
  lowerBound,
  nextState,
  nothingWritten,
  observe,
  onClockOf,
  type HorizonState,
  type Micros,
  type Probe,
  type Server,
  type Snapshot,
} from '../../domain/horizon.js'
import type { Warning } from '../../domain/report.js'
import type { ResolvedOptions } from '../../options.js'
import {
  columnsQuery,
  describeSource,
  relationNamed,
  requireSource,
  toRelation,
} from '../../postgres/driver/catalog.js'
import type { Session } from '../../postgres/driver/session.js'
import { compile, onlyRow } from '../../postgres/driver/statement.js'
import { beginReading, between, readTogether, type Timeouts } from '../../postgres/driver/transaction.js'
import { columnPathsQuery, noColumnPaths, type ColumnPath } from '../../postgres/source/indexes.js'
import {
  probeQuery,
  probeSource,
  probeWithoutIdentity,
  snapshotQuery,
  toProbe,
  toServer,
  toSnapshot,
  type SourceProbe,
} from '../../postgres/source/probe.js'
import { passHashKey, protect } from '../../postgres/source/protection.js'
import {
  identityQuery,
  tableIdentityQuery,
  toIdentities,
  type RelationIdentities,
} from '../../postgres/source/relation-identity.js'
import type { Plan, SourceFacts } from './plan.js'
import { heldBack, type State } from './state.js'

/** The open snapshot of the source, and from where on a run has to read in it. */
export interface OpenSnapshot {
  readonly probe: Probe
  readonly snapshot: Snapshot
  /** What the next run starts from; undefined when this run cannot vouch for anything. */
  readonly horizon: HorizonState | undefined
  readonly bound: ReadBound
  readonly chatwoot: ChatwootFacts
  /** Microseconds by which the clock of the source was set back since the last run, as far as the clock of the target shows it. */
  readonly setBack: Micros
  readonly warnings: readonly Warning[]
}

/** From where on to read. */
export interface ReadBound {
  /** The low watermark, microseconds; undefined for a full load. */
  readonly low: Micros | undefined
  /** Why it is a full load though less was asked for. */
  readonly reason: string | undefined
  /** No transaction wrote anything since the last successful run. */
  readonly isIdle: boolean
}

/** What the built-in query and the change feeds have to know; empty for a custom relation. */
export interface ChatwootFacts {
  /** What is protected is in their fingerprints as it is loaded. */
  readonly smallTables: SmallTables | undefined
  /** Number of messages, estimated. */
  readonly messages: number
  /** Time zones of the inboxes. */
  readonly timeZones: readonly string[]
}

export type SnapshotOptions = Pick<
  ResolvedOptions,
  'relation' | 'columns' | 'hashSecret' | 'statementTimeout' | 'lockTimeout'
>

interface ReadTables {
  /** Of Chatwoot. (Default: those that the path of the session has, and everything of them.) */
  readonly reading?: {
    readonly tables: ChatwootTables
    /** What of the small tables the rows show. */
    readonly shown: ShownCells
  }
}

export type ShownPlan = Pick<Plan, 'tables' | 'load' | 'protection'>

/** What the rows of a plan show, protected as in the rows themselves: a fingerprint of a name in clear would let it be guessed. */
export function shownIn({ tables, load, protection }: ShownPlan) {
  const loaded = new Set(load.columns.map(({ name }) => name))
  return {
    tables,
    shown: {
      isLoaded: (column) => loaded.has(column),
      replace: (column, cell) => {
        const how = protection.columns.get(column)
        return how ? protect(cell, how) : cell
      },
    },
  } satisfies ReadTables['reading']
}

/** The source before its snapshot is taken. */
export interface SourceLook {
  /** Of the monotonic clock, milliseconds. */
  readonly sentAt: number
  readonly facts: SourceFacts
  readonly probe: SourceProbe
  readonly relations: RelationIdentities
  /** How it gets to what the feeds show; none for a custom relation. */
  readonly paths: readonly ColumnPath[]
}

/** What shows whether anything was written in the source; of its own, as no row is read in the snapshot. */
export interface Glance extends Pick<SourceLook, 'sentAt' | 'probe'> {
  readonly snapshot: Snapshot
}

/** A probe and then a snapshot, in one round trip; undefined where that fails. Throws where the connection is lost. */
export async function glanceAtSource(
  source: Session,
  options: Timeouts,
  identity?: HorizonState['identity'],
): Promise<Glance | undefined> {
  const sentAt = performance.now()
  const probe = identity?.system === 'unknown' ? probeWithoutIdentity : probeQuery
  try {
    const [probed, taken] = await readTogether(source, options, [probe, snapshotQuery])
    return { sentAt, probe: toProbe(onlyRow(probed)), snapshot: toSnapshot(onlyRow(taken)) }
  } catch (error) {
    if (source.lost.aborted) throw error
    return undefined
  }
}

/**
 * Whether nothing seems to have been written since the last run. A source that was not asked yet is expected to be as busy as before, so that
 * one that is far away is not asked twice.
 */
export function seemsIdle(glance: Glance | undefined, last: State | undefined): boolean {
  return glance
    ? glance.snapshot.next === last?.horizon?.snapshot.next
    : last?.identities?.unchanged?.isIdle === true
}

/**
 * The catalog and the probe in one round trip; one by one when that fails, so that the error names the cause. A probe of just before is
 * not made again.
 */
export async function lookAtSource(
  source: Session,
  options: Timeouts & Pick<ResolvedOptions, 'relation'>,
  glance?: Glance,
): Promise<SourceLook> {
  const sentAt = glance?.sentAt ?? performance.now()
  const name = options.relation?.name ?? 'conversations'
  const identities = options.relation ? identityQuery(name) : tableIdentityQuery(stampedTables)
  const chatwootColumns = compile(options.relation ? noChatwootColumns : chatwootColumnsQuery(relationNamed))
  const pathsQuery = options.relation ? noColumnPaths : feedPathsQuery
  const catalog = [columnsQuery(name), identities, chatwootColumns, pathsQuery] as const
  try {
    const [probed, relation, found, chatwoot, paths] = glance
      ? [[], ...(await readTogether(source, options, catalog))]
      : await readTogether(source, options, [probeQuery, ...catalog])
    const facts = { relation: requireSource(toRelation(relation), name), chatwoot }
    const probe = glance?.probe ?? toProbe(onlyRow(probed))
    return { sentAt, facts, probe, relations: toIdentities(found), paths }
  } catch (error) {
    if (source.lost.aborted) throw error
    const relation = await describeSource(source, name)
    const chatwoot = await source.rows(chatwootColumns)
    const relations = toIdentities(await source.rows(identities))
    const paths = await source.rows(pathsQuery)
    const probe = glance?.probe ?? (await probeSource(source))
    return { sentAt, facts: { relation, chatwoot }, probe, relations, paths }
  }
}

/** How the source gets to what the feeds show. */
const feedPathsQuery = columnPathsQuery([...scannedFeeds, editFeed])

/** A look at the source before the snapshot, and the target's clock at the same moment. */
export interface FirstLook {
  readonly probe: Probe
  readonly targetAt: Micros
}

/**
 * Opens the one transaction in which the source is read, and computes the low watermark. Without an earlier state it first waits, for
 * seconds at most, until the transactions that are open have ended, as nobody can know how long they have been.
 * Throws SOURCE_IDENTITY_CHANGED when the snapshot is of another server than the probe.
 */
export async function openFirstSnapshot(
  source: Session,
  { probe: firstProbe, targetAt }: FirstLook,
  kept: HorizonState | undefined,
  options: SnapshotOptions & ReadTables & Pick<ResolvedOptions, 'skewAllowance' | 'signal'>,
): Promise<OpenSnapshot> {
  const last = kept && onClockOf(firstProbe, kept, targetAt)
  let probe = firstProbe
  let trace = observe(last, probe)
  let { snapshot, rows } = await openSnapshot(source, probe, options)
  for (let waited = 0; !last && isBeginUnknown(trace, probe, snapshot) && waited < 3000; waited += 250) {
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
    bound: {
      low: bound && 'low' in bound ? bound.low : undefined,
      reason: bound && 'unknown' in bound ? bound.unknown : undefined,
      isIdle: last !== undefined && nothingWritten(last, trace, probe, snapshot),
    },
    chatwoot: {
      smallTables: options.relation ? undefined : toSmallTables(rows),
      messages: messagesOf(rows),
      timeZones: timeZonesOf(rows),
    },
    setBack: kept && last ? kept.at - last.at : 0,
    warnings: heldBack(trace, { probe, snapshot }, options.skewAllowance),
  }
}

/**
 * The small tables come with the snapshot, in the same round trip. Throws SOURCE_IDENTITY_CHANGED when it is of another server than the
 * probe, as behind an address that leads to several: what the probe vouches for, another one may not have yet.
 */
export async function openSnapshot(source: Session, probed: Server, options: SnapshotOptions & ReadTables) {
  const { relation, reading } = options
  const key = hashKeyIn(options)
  const begin = [...beginReading(options), ...(key ? [passHashKey(key)] : [])]
  const [taken, rows] = relation
    ? [...(await between(source, begin, [snapshotQuery])), []]
    : await between(source, begin, [snapshotQuery, compile(smallTables(reading?.tables, reading?.shown))])
  const row = onlyRow(taken)
  if (!isSameServer(probed, toServer(row))) throw otherServer()
  return { snapshot: toSnapshot(row), rows }
}

/** The key of the hashed columns, where there are any. */
export function hashKeyIn({ columns, hashSecret }: Pick<SnapshotOptions, 'columns' | 'hashSecret'>) {
  return columns?.hash?.length && hashSecret !== undefined ? hashKeyOf(hashSecret) : undefined
}

/** The source became another server in the middle of a run. */
export function otherServer(): SyncError {
  return new SyncError(
    'SOURCE_IDENTITY_CHANGED',
    'During the run another server answered, or the same one after a restart.',
    {
      remedy: 'Run it again. If the address leads to several servers, use the address of one of them.',
      details: { isWhileReading: true },
    },
  )
}

/** Throws STANDBY_BEHIND when the source is a standby that has not reached the last successful run. */
export function requireNotBehind({ probe, snapshot }: OpenSnapshot, last: HorizonState | undefined): void {
  if (probe.mode !== 'standby' || last?.mode !== 'standby' || snapshot.next >= last.snapshot.next) return
  throw new SyncError(
    'STANDBY_BEHIND',
    'The standby is behind the point up to which the last run has read.',
    {
      remedy: 'Wait until it has caught up, or read the primary.',
    },
  )
}
