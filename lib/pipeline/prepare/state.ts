import { createHash } from 'node:crypto'

import type { ChatwootTables } from '../../chatwoot/catalog.js'
import { rowColumns } from '../../chatwoot/columns.js'
import { queryVersion } from '../../chatwoot/conversation-row.js'
import type { SmallTables } from '../../chatwoot/feeds.js'
import { readColumns } from '../../chatwoot/tables.js'
import { hashKeyOf } from '../../domain/column-hash.js'
import {
  formatMicros,
  heldBackSince,
  isBeginUnknown,
  type HorizonState,
  type Probe,
  type Snapshot,
  type Trace,
} from '../../domain/horizon.js'
import type { Warning } from '../../domain/report.js'
import type { KeyRange } from '../../domain/key-ranges.js'
import { isAnyLeftOut, type EditHistory, type EditState, type FeedStates } from '../../domain/scan-budget.js'
import type { PreviousRuns } from '../../postgres/control/run-rows.js'
import type { Protection } from '../../postgres/source/protection.js'
import type { RelationIdentities } from '../../postgres/source/relation-identity.js'
import type { KnownTable } from '../../postgres/target/table-identity.js'

/** How the columns were protected that a run has loaded. */
export interface KeptProtection {
  readonly columns: Readonly<Record<string, Protection>>
  readonly messageTexts: boolean
  /** Loaded columns with personal data that came after the first release; states of earlier releases knew none. */
  readonly personal?: readonly string[]
  /** Of these, what was left out because the options do not name it; see `heldColumns`. */
  readonly held?: readonly string[]
}

/** What runs have left to a scan; in the JSON these stand beside the rest. */
export interface ScanState extends EditHistory {
  readonly edits: EditState | undefined
  /** States of earlier releases lack it, as their runs have read every feed. */
  readonly feeds: FeedStates | undefined
  /** Milliseconds, as the options have it: the check `scan-lag` of the database reads it. */
  readonly scanEvery: number | undefined
}

/** What a successful run leaves to the next one, kept as JSON in its row of `etl_control`. */
export interface State {
  readonly horizon: HorizonState | undefined
  /** Only of the built-in relation. */
  readonly smallTables: SmallTables | undefined
  readonly scans?: ScanState | undefined
  /** What is protected was protected in the fingerprints of the small tables too, which earlier releases did not do. */
  readonly hasProtectedNames?: boolean
  /** Time zones of the inboxes, and whether both servers know them. */
  readonly timeZones: Readonly<Record<string, boolean>>
  /** How columns with personal data were protected; see `ProtectionPlan`. */
  readonly protectionDigest?: string | null
  /** The same, by column; earlier releases did not keep it, or only where anything was protected. */
  readonly protection?: KeptProtection | undefined
  /** States of earlier versions lack it. */
  readonly identities?: KnownIdentities
}

/** What decides how both sides are read and written: where all of it is as before, they need not be described again. */
export interface Unchanged {
  /** Digest of the options. */
  readonly options: string
  /** The role of the source, and its path. */
  readonly reader: string
  /** Of the table, before it was last described or earlier. */
  readonly shape: string | null
  /** What each run warns of for as long as all this is the same. */
  readonly warnings: readonly Warning[]
  /** The run found nothing to do, so that the next one probably does not either. */
  readonly isIdle: boolean
}

/** What a run has read and written, so that the next one notices when it was replaced. */
export interface KnownIdentities extends KnownTable {
  /** The relations that were read, and those below them. */
  readonly relations: RelationIdentities
  /** Undefined where the next run has more to do than to look. */
  readonly unchanged?: Unchanged | undefined
}

/** What a plan reads: a custom relation, or tables of Chatwoot. */
interface Reading {
  readonly custom?: object | undefined
  readonly tables: ChatwootTables
}

/** Of Chatwoot's tables those that the plan reads: what happens to another one, of a release or behind a missing right, changes no row. */
export function identitiesRead({ custom, tables }: Reading, found: RelationIdentities): RelationIdentities {
  if (custom) return found
  const isRead = (name: string) => name in readColumns || tables.get(name)?.isRead === true
  return Object.fromEntries(Object.entries(found).filter(([name]) => isRead(name)))
}

/**
 * What `now` is compared with. A table of Chatwoot that the earlier run did not look at counts as it is: that it is read at all is part of the
 * fingerprint, and states of before do not hold each of them.
 */
export function identitiesBefore(
  { custom }: Pick<Reading, 'custom'>,
  known: RelationIdentities | undefined,
  now: RelationIdentities,
): RelationIdentities | undefined {
  return known && !custom ? { ...now, ...known } : known
}

/**
 * Ids of 64 bits become texts and maps become objects. A release that does not know of feeds that were left out can't read a state with
 * one: it would continue from the low watermark, and never read what that feed has shown before.
 */
export function toJson({ scans, ...state }: State): string {
  const text = (_key: string, value: unknown): unknown => {
    if (typeof value === 'bigint') return String(value)
    return value instanceof Map ? Object.fromEntries(value) : value
  }
  return JSON.stringify({ version: isAnyLeftOut(scans?.feeds) ? 2 : 1, ...state, ...scans }, text)
}

/** Undefined for a state that this version cannot read: then the run is a full load. */
export function fromJson(text: string | null | undefined): State | undefined {
  if (!text) return undefined
  const stored: StoredState = JSON.parse(text)
  if (stored.version !== 1 && stored.version !== 2) return undefined
  const { version: _version, horizon, edits, editsAmong, feeds, scanEvery, ...rest } = stored
  return { ...rest, scans: { edits, editsAmong, feeds, scanEvery }, horizon: horizon && revive(horizon) }
}

interface StoredState extends Omit<State, 'horizon' | 'scans'>, ScanState {
  readonly version: number
  readonly horizon?: Stored<HorizonState>
}

type Stored<T> = T extends bigint
  ? string
  : T extends ReadonlyMap<string, infer V>
    ? Record<string, V>
    : T extends object
      ? { readonly [K in keyof T]: Stored<T[K]> }
      : T

function revive({ points, bounds, snapshot, ...rest }: Stored<HorizonState>): HorizonState {
  return {
    ...rest,
    points: points.map(({ at, next }) => ({ at, next: BigInt(next) })),
    bounds: new Map(Object.entries(bounds)),
    snapshot: {
      xmin: BigInt(snapshot.xmin),
      xmax: BigInt(snapshot.xmax),
      next: BigInt(snapshot.next),
      inProgress: snapshot.inProgress.map((xid) => BigInt(xid)),
    },
  }
}

/** What earlier runs have left. */
export interface Earlier {
  readonly previousRuns: PreviousRuns
  /** State of the last successful one. */
  readonly last: State | undefined
}

export const toEarlier = (previousRuns: PreviousRuns): Earlier => ({
  previousRuns,
  last: fromJson(previousRuns.lastSuccess?.state),
})

/** Options that decide nothing of what a run reads and writes, or that are no values. */
const apart = new Set([
  'source',
  'target',
  'signal',
  'logger',
  'triggeredBy',
  'complete',
  'scanShare',
  'scanEvery',
  'parallel',
  'onStart',
  'onRetry',
  'onProgress',
])

/** Of all options that decide what a run reads, writes and rejects, and of what this release reads. */
export function digestOf(options: object): string {
  const facts = Object.entries(options)
    .filter(([name]) => !apart.has(name))
    .map(([name, value]: [string, unknown]) => [name, name === 'hashSecret' ? ofSecret(value) : value])
    .sort(([one], [other]) => (String(one) < String(other) ? -1 : 1))
  const read = [queryVersion, rowColumns]
  const isHook = (_name: string, value: unknown): unknown => (typeof value === 'function' ? 'a hook' : value)
  return createHash('sha256')
    .update(JSON.stringify([facts, read], isHook))
    .digest('hex')
    .slice(0, 16)
}

const ofSecret = (secret: unknown) => (typeof secret === 'string' ? hashKeyOf(secret).digest : null)

/**
 * A transaction that has been open for over ten times `skewAllowance`: what changed since it began is read again, once it has ended; from a
 * standby, which does not show when transactions of its primary end, by each run until then.
 */
export function heldBack(
  trace: Trace,
  { probe, snapshot }: { readonly probe: Probe; readonly snapshot: Snapshot },
  skewAllowance: number,
): Warning[] {
  const since = heldBackSince(trace, snapshot)
  if (since === undefined || probe.at === null) return []
  if (since !== null && probe.at - since < skewAllowance * 10_000) return []
  const isStandby = probe.mode === 'standby'
  const isBefore = isStandby ? isBeginUnknown(trace, probe, snapshot) : since === null
  const where = isStandby ? 'on the primary of the source, in any of its databases,' : 'of the source'
  const when = isBefore ? 'before the first run' : `at least ${formatMicros(since ?? 0).slice(0, 19)} UTC`
  const again = isBefore ? 'is a full load' : 'reads again what changed since it began'
  const cost = isStandby ? `until it ends, each run ${again}` : `once it has ended, one run ${again}`
  return [{ code: 'HELD_BACK', message: `A transaction ${where} has been open since ${when}; ${cost}.` }]
}

/**
 * The ranges of a full load over several connections, each of which records how far it came with its own. They are kept in the state of the
 * run until it ends, which a run that resumes it takes over; an earlier release passes over them, and continues from the resume key.
 */
export interface LoadRanges {
  /** Of the attempt that may record in them. */
  readonly token: string
  readonly list: readonly KeyRange[]
}

interface WithRanges {
  readonly ranges?: LoadRanges
}

/** The ranges in the JSON of a state. */
export function rangesIn(state: string | null): LoadRanges | undefined {
  const stored: WithRanges = JSON.parse(state ?? '{}')
  return stored.ranges
}

/** The JSON of a state with ranges, or without, as the next run needs none. */
export function withRanges(state: string | null, ranges: LoadRanges | undefined): string | null {
  if (state === null) return null
  const stored: WithRanges = JSON.parse(state)
  return JSON.stringify({ ...stored, ranges })
}
