import * as conversation from '../../chatwoot/conversation-row.js'
import { smallTables, toSmallTables, type SmallTables } from '../../chatwoot/feeds.js'
import { bothOf } from '../../domain/abort.js'
import { formatMicros, type Micros } from '../../domain/horizon.js'
import type { Warning } from '../../domain/report.js'
import { defaults, type ResolvedOptions } from '../../options.js'
import {
  forgottenQuery,
  previousRunsQuery,
  rejectedRowsQuery,
  toPreviousRuns,
  type PreviousRuns,
  type RejectedRow,
} from '../../postgres/control/run-rows.js'
import {
  describeTarget,
  relationQuery,
  requireTarget,
  toRelation,
  type Relation,
} from '../../postgres/driver/catalog.js'
import { clockQuery } from '../../postgres/driver/clock.js'
import { qualified, tableIn } from '../../postgres/driver/search-path.js'
import type { Session } from '../../postgres/driver/session.js'
import { compile, onlyRow } from '../../postgres/driver/statement.js'
import type { ColumnPath } from '../../postgres/source/indexes.js'
import { checkTimeZones, unknownTimeZone } from '../../postgres/source/probe.js'
import {
  lostParts,
  newParts,
  untracedChange,
  type RelationIdentities,
} from '../../postgres/source/relation-identity.js'
import {
  lookQuery,
  noShape,
  shapeQuery,
  toLook,
  trustInTarget,
  type LookAt,
  type TableLook,
  type TargetTrust,
} from '../../postgres/target/table-identity.js'
import { planCustom } from './custom-plan.js'
import { heldWarnings } from './held-columns.js'
import { planChatwoot, requireContactColumn, type Plan, type PlanOptions, type SourceFacts } from './plan.js'
import {
  lookAtSource,
  openFirstSnapshot,
  requireNotBehind,
  shownIn,
  type Glance,
  type OpenSnapshot,
  type ShownPlan,
  type SnapshotOptions,
  type SourceLook,
} from './snapshot.js'
import { checkZone } from './stamp-zone.js'
import { identitiesBefore, identitiesRead, toEarlier, type Earlier, type State } from './state.js'

/** What a run starts from: what is read, what the last successful run left, and the source as it is now. */
export interface Baseline {
  readonly plan: Plan
  readonly previousRuns: PreviousRuns & {
    /** Rows that the target has rejected so far. */
    readonly rejected: readonly RejectedRow[]
  }
  /** State of the last successful run, whatever it has read. */
  readonly last: State | undefined
  /** The same if it is of this very relation, filter and time zone. */
  readonly usable: State | undefined
  readonly opened: OpenSnapshot
  /** The small tables as `usable` has them: by the same fingerprints. */
  readonly comparableTables: SmallTables | undefined
  readonly timeZones: Readonly<Record<string, boolean>>
  /** What both sides were before the run, so that the next one notices when they are replaced. */
  readonly identities: Identities
}

interface Identities {
  /** The relations that are read, and those below them. */
  readonly relations: RelationIdentities
  /** The table; undefined where it could not be looked at. */
  readonly look: TableLook | undefined
  readonly trust: TargetTrust
  /** Of the table as it is described, or an older one. */
  readonly shape: string | null
  /** The role of the source, and its path. */
  readonly reader: string
  /** How the source gets to what the feeds show. */
  readonly paths: readonly ColumnPath[]
}

export type BaselineOptions = PlanOptions &
  SnapshotOptions &
  Pick<ResolvedOptions, 'pipeline' | 'loadType' | 'skewAllowance' | 'signal' | 'acceptTargetDeletes'>

/**
 * Checks both sides and opens the source's snapshot. Throws RELATION_MISSING, TARGET_NOT_MIGRATED,
 * STANDBY_BEHIND, CONFIG_INVALID and what `makePlan` throws, before anything is written.
 */
export async function readBaseline(
  source: Session,
  target: Session,
  options: BaselineOptions,
  known: { readonly earlier?: Earlier | undefined; readonly glance?: Glance | undefined } = {},
): Promise<Baseline> {
  const [first, there] = await bothOf(
    lookAtSource(source, options, known.glance),
    lookAtTarget(target, options, known.earlier),
  )
  const { previousRuns, last, forgotten, rejected, look, shape } = there
  const { lastSuccess } = previousRuns
  const here = isStale(first, last) ? await lookAtSource(source, options) : first
  const made = makePlan(here.facts, there.table, { ...options, known: last })
  const relations = identitiesRead(made, here.relations)
  const custom = made.custom && { ...made.custom, newParts: newParts(last?.identities?.relations, relations) }
  const plan = { ...made, custom, forgotten }
  requireContactColumn(plan)
  const usable = lastSuccess?.fingerprint === plan.fingerprint ? last : undefined
  const firstLook = { probe: here.probe, targetAt: there.at }
  const snapshotOptions = { ...options, reading: shownIn(plan) }
  const found = await openFirstSnapshot(source, firstLook, usable?.horizon, snapshotOptions)
  const trust =
    usable && look
      ? await trustInTarget(target, plan.load, { last: usable.identities, look }, options)
      : unknown
  const before = identitiesBefore(made, usable?.identities?.relations, relations)
  const untraced = usable && (untracedChange(before, relations) ?? trust.reason)
  const opened = readAllFor(untraced, takeOver(found, previousRuns, options.skewAllowance))
  requireNotBehind(opened, last?.horizon)
  const comparableTables = await tablesLike(usable, source, { ...opened, plan })
  const isFull = options.loadType === 'full' || opened.bound.low === undefined
  const zoneWarnings = custom && isFull ? await checkZone(source, custom, lastSuccess !== undefined) : []
  const given = { timeZone: options.timeZone, 'relation.changedAtZone': options.relation?.changedAtZone }
  const names = [
    ...(options.timeZone === undefined ? opened.chatwoot.timeZones : []),
    ...Object.values(given).flatMap((zone) => zone ?? []),
  ]
  const timeZones = await checkTimeZones(source, target, names, usable?.timeZones)
  for (const [option, zone] of Object.entries(given)) {
    if (zone !== undefined && timeZones[zone] === false) throw unknownTimeZone(option, zone)
  }
  const { held } = plan.protection
  const warnings = [
    ...(held.length > 0 ? heldWarnings(held, last) : []),
    ...opened.warnings,
    ...trust.warnings,
    ...partsGone(usable, relations),
    ...zoneWarnings,
  ]
  return {
    ...{ plan, last, usable, comparableTables, timeZones },
    previousRuns: { ...previousRuns, rejected },
    opened: { ...opened, warnings },
    identities: { relations, look, trust, shape, reader: here.probe.reader, paths: here.paths },
  }
}

/**
 * Checks that the source can be read and that the table can take it. Throws COLUMN_MISSING, COLUMN_TYPE_MISMATCH, SOURCE_FORBIDDEN or
 * TARGET_COLUMN_MISSING.
 */
export function makePlan(
  source: SourceFacts,
  table: Relation,
  options: PlanOptions,
): Omit<Plan, 'forgotten'> {
  return options.relation
    ? planCustom(source.relation, table, options, options.relation)
    : planChatwoot(source, table, options)
}

/** Once after an upgrade, a run compares with fingerprints that were made of the names themselves, so that no rename is missed. */
async function tablesLike(
  last: State | undefined,
  source: Session,
  { chatwoot, plan }: Pick<OpenSnapshot, 'chatwoot'> & { readonly plan: ShownPlan },
): Promise<SmallTables | undefined> {
  const isEarlier = typeof last?.protectionDigest === 'string' && last.hasProtectedNames !== true
  if (!chatwoot.smallTables || !last?.smallTables || !isEarlier) return chatwoot.smallTables
  const { tables, shown } = shownIn(plan)
  return toSmallTables(await source.rows(compile(smallTables(tables, { ...shown, replace: undefined }))))
}

/** Of a table that no run has left a state for. */
const unknown: TargetTrust = { reason: undefined, hasWarnedOfDeletes: false, warnings: [] }

/** Without a low watermark everything is read; what is known of the open transactions stays. Another reason to do so comes first. */
function readAllFor(reason: string | undefined, opened: OpenSnapshot): OpenSnapshot {
  return reason === undefined || opened.bound.low === undefined
    ? opened
    : { ...opened, bound: { low: undefined, reason, isIdle: false } }
}

function partsGone(usable: State | undefined, relations: RelationIdentities): Warning[] {
  const gone = lostParts(usable?.identities?.relations, relations)
  if (gone.length === 0) return []
  const message = `Partitions of the source are gone: ${gone.join(', ')}. Their rows stay in the target until a full load soft-deletes them.`
  return [{ code: 'PARTITIONS_GONE', message }]
}

/** After another program's history a run continues from its watermark; what that program has missed, nothing here can know. */
function takeOver(opened: OpenSnapshot, { lastSuccess }: PreviousRuns, skewAllowance: number): OpenSnapshot {
  if (!lastSuccess || lastSuccess.foreignWatermark === null || lastSuccess.state !== null) return opened
  const { foreignWatermark } = lastSuccess
  const from = `${formatMicros(foreignWatermark).slice(0, 19)} UTC`
  const message = `Continued from ${from}, the watermark of another program; run once with --full, or verify --repair, to find what it missed.`
  return {
    ...opened,
    bound: { ...opened.bound, low: foreignWatermark - skewAllowance * 1000 },
    warnings: [...opened.warnings, { code: 'TAKEN_OVER', message }],
  }
}

/** Milliseconds for which a look holds: as much may lie between two looks at two clocks, and is below any useful `skewAllowance`. */
const freshFor = 5000

/** It was too long ago to be compared with the clock of the target, or another run has read the source since. */
function isStale({ sentAt, probe }: SourceLook, last: State | undefined): boolean {
  const isBehind =
    last?.horizon !== undefined &&
    (probe.next < last.horizon.snapshot.next || (probe.at !== null && probe.at < last.horizon.at))
  return isBehind || performance.now() - sentAt > freshFor
}

interface TargetFacts extends Earlier {
  /** Time of the target's clock. */
  readonly at: Micros
  readonly table: Relation
  readonly forgotten: readonly string[]
  readonly rejected: readonly RejectedRow[]
  readonly look: TableLook | undefined
  readonly shape: string | null
}

/** The table that the options mean, and the row of it that a run marks. */
export function placeToLook(
  { schema }: Pick<Session, 'schema'>,
  { table, pipeline, relation }: Pick<ResolvedOptions, 'table' | 'pipeline' | 'relation'>,
): LookAt {
  const key = relation?.key ?? conversation.key
  return { table: tableIn(schema, table), key, pipeline, isOwn: !relation && table === defaults.table }
}

async function lookAtTarget(
  target: Session,
  options: Pick<ResolvedOptions, 'table' | 'pipeline' | 'relation'>,
  known: Earlier | undefined,
): Promise<TargetFacts> {
  const place = placeToLook(target, options)
  const { table, pipeline } = place
  const { previousRuns, last } =
    known ?? toEarlier(toPreviousRuns(await target.rows(previousRunsQuery(pipeline))))
  const look = lookQuery(place)
  const queries = [clockQuery, forgottenQuery(pipeline), rejectedRowsQuery(pipeline)] as const
  const before = last?.identities?.unchanged
  // An older shape is as good, since one that changed again is looked at again. Before the rest, as is what changes in between.
  const shapes = typeof before?.shape === 'string' && !before.isIdle ? noShape : shapeQuery(table)
  try {
    const [[shape], found, seen, ...facts] = await target.together([
      shapes,
      relationQuery(table),
      look,
      ...queries,
    ])
    return {
      ...{ previousRuns, last, shape: shape?.shape ?? before?.shape ?? null, look: toLook(seen) },
      ...{ table: requireTarget(target, toRelation(found), table), ...toFacts(...facts) },
    }
  } catch (error) {
    if (target.lost.aborted) throw error
    const [clock, forgotten, rejected] = queries
    const facts = [
      await target.rows(clock),
      await target.rows(forgotten),
      await target.rows(rejected),
    ] as const
    // A table without the key, or with a domain that no row may lack, cannot be looked at this way.
    const found = await describeTarget(target, table)
    const again = lookQuery({ ...place, table: qualified(found) })
    const seen = await target.rows(again).catch(() => [])
    return { previousRuns, last, table: found, look: toLook(seen), shape: null, ...toFacts(...facts) }
  }
}

function toFacts(
  clock: readonly { readonly now: string }[],
  forgotten: readonly { readonly contact_id: string }[],
  rejected: readonly RejectedRow[],
): Pick<TargetFacts, 'at' | 'forgotten' | 'rejected'> {
  return {
    at: Number(onlyRow(clock).now),
    forgotten: forgotten.map(({ contact_id: id }) => id),
    rejected,
  }
}
