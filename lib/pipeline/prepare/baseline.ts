import { chatwootColumnsQuery, readColumns } from '../../chatwoot/catalog.js'
import { smallTables, toSmallTables, type SmallTables } from '../../chatwoot/feeds.js'
import { SyncError } from '../../domain/errors.js'
import type { Probe } from '../../domain/horizon.js'
import { formatMicros, type Micros } from '../../domain/micros.js'
import type { ResolvedOptions } from '../../options.js'
import {
  forgottenQuery,
  previousRunsQuery,
  rejectedRowsQuery,
  toPreviousRuns,
  type PreviousRuns,
  type RejectedRow,
} from '../../postgres/control/previous-runs.js'
import { clockQuery } from '../../postgres/driver/clock.js'
import {
  describeSource,
  describeTarget,
  relationQuery,
  requireSource,
  requireTarget,
  toRelation,
  type Relation,
} from '../../postgres/driver/catalog.js'
import { relationNamed } from '../../postgres/driver/catalog.js'
import type { Session } from '../../postgres/driver/session.js'
import { compile, onlyRow } from '../../postgres/driver/statement.js'
import { readTogether, type Timeouts } from '../../postgres/driver/transaction.js'
import { knownTimeZones, probeQuery, probeSource, toProbe } from '../../postgres/source/probe.js'
import type { NamedTable } from '../../postgres/source/table-locks.js'
import { makePlan, type Plan, type PlanOptions, type SourceFacts } from './plan.js'
import { openFirstSnapshot, requireNotBehind, type OpenSnapshot, type SnapshotOptions } from './snapshot.js'
import { fromJson, type State } from './state.js'

/** What a run starts from: what is read, what the last successful run left, and the source as it is now. */
export interface Baseline {
  readonly plan: Plan
  readonly previousRuns: PreviousRuns
  /** State of the last successful run, whatever it has read. */
  readonly last: State | undefined
  /** The same if it is of this very relation, filter and time zone. */
  readonly usable: State | undefined
  readonly opened: OpenSnapshot
  /** The small tables as `usable` has them: by the same fingerprints. */
  readonly comparableTables: SmallTables | undefined
  readonly timeZones: Readonly<Record<string, boolean>>
  /** Rows that the target has rejected so far. */
  readonly rejected: readonly RejectedRow[]
}

export type BaselineOptions = PlanOptions &
  SnapshotOptions &
  Pick<ResolvedOptions, 'pipeline' | 'skewAllowance' | 'signal'>

/**
 * Checks both sides and opens the source's snapshot. Throws RELATION_MISSING, TARGET_NOT_MIGRATED,
 * STANDBY_BEHIND, CONFIG_INVALID and what `makePlan` throws, before anything is written.
 */
export async function readBaseline(
  source: Session,
  target: Session,
  options: BaselineOptions,
): Promise<Baseline> {
  const [here, there] = await bothOf(inspectSource(source, options), inspectTarget(target, options))
  const { previousRuns, forgotten, rejected } = there
  const plan = { ...makePlan(here.facts, there.table, options), forgotten }
  requireContactColumn(plan)
  const { lastSuccess } = previousRuns
  const last = fromJson(lastSuccess?.state)
  const usable = lastSuccess?.fingerprint === plan.fingerprint ? last : undefined
  const firstLook = { probe: here.probe, targetAt: there.at }
  const found = await openFirstSnapshot(source, firstLook, usable?.horizon, {
    ...options,
    tables: plan.tables,
  })
  const opened = takeOver(found, previousRuns, options.skewAllowance)
  requireNotBehind(opened, last?.horizon)
  const comparableTables = await tablesLike(usable, source, { ...opened, tables: plan.tables })
  const names = options.timeZone === undefined ? opened.chatwoot.timeZones : [options.timeZone]
  const timeZones = await checkTimeZones(source, target, names, usable?.timeZones)
  if (options.timeZone !== undefined && timeZones[options.timeZone] === false) {
    throw unknownTimeZone(options.timeZone)
  }
  return { plan, previousRuns, last, usable, opened, comparableTables, timeZones, rejected }
}

/** Once after an upgrade, a run compares with fingerprints that were made of the names themselves, so that no rename is missed. */
async function tablesLike(
  last: State | undefined,
  source: Session,
  { chatwoot, tables }: Pick<OpenSnapshot, 'chatwoot'> & Pick<Plan, 'tables'>,
): Promise<SmallTables | undefined> {
  const isEarlier = typeof last?.protectionDigest === 'string' && last.hasProtectedNames !== true
  if (!chatwoot.smallTables || !last?.smallTables || !isEarlier) return chatwoot.smallTables
  return toSmallTables(await source.rows(compile(smallTables(tables))))
}

/** Forgotten contacts are left out by contact_id; without it their rows would come back. */
function requireContactColumn({ custom, forgotten }: Pick<Plan, 'custom' | 'forgotten'>): void {
  if (!custom || forgotten.length === 0) return
  if (custom.relation.columns.some(({ name }) => name === 'contact_id')) return
  throw new SyncError(
    'COLUMN_MISSING',
    `${forgotten.length} contacts are forgotten, and the relation ${custom.relation.name} has no column contact_id to leave them out by.`,
    { remedy: 'Add contact_id to the relation.', details: { column: 'contact_id' } },
  )
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

/** The catalog and the probe in one round trip; one by one when that fails, so that the error names the cause. */
export async function inspectSource(
  source: Session,
  options: Timeouts & Pick<ResolvedOptions, 'relation'>,
): Promise<{ facts: SourceFacts; probe: Probe }> {
  const name = options.relation?.name ?? 'conversations'
  const shared = [relationQuery(name), probeQuery] as const
  const chatwootColumns = compile(chatwootColumnsQuery(relationNamed))
  try {
    const [relation, probe, chatwoot] = options.relation
      ? [...(await readTogether(source, options, shared)), []]
      : await readTogether(source, options, [...shared, chatwootColumns])
    const facts = { relation: requireSource(toRelation(relation), name), chatwoot }
    return { facts, probe: toProbe(onlyRow(probe)) }
  } catch (error) {
    if (source.lost.aborted) throw error
    const relation = await describeSource(source, name)
    const chatwoot = options.relation ? [] : await source.rows(chatwootColumns)
    return { facts: { relation, chatwoot }, probe: await probeSource(source) }
  }
}

/** The tables that are read, as their statements name them. */
export function tablesRead({ custom, tables }: Pick<Plan, 'custom' | 'tables'>): readonly NamedTable[] {
  if (custom) return [custom.relation]
  return Object.keys(readColumns).map((name) => {
    const schema = tables.get(name)
    return schema === undefined ? { name } : { schema, name }
  })
}

interface TargetFacts {
  /** Time of the target's clock. */
  readonly at: Micros
  readonly previousRuns: PreviousRuns
  readonly table: Relation
  readonly forgotten: readonly string[]
  readonly rejected: readonly RejectedRow[]
}

async function inspectTarget(
  target: Session,
  { table, pipeline }: Pick<ResolvedOptions, 'table' | 'pipeline'>,
): Promise<TargetFacts> {
  const queries = [
    clockQuery,
    previousRunsQuery(pipeline),
    forgottenQuery(pipeline),
    rejectedRowsQuery(pipeline),
  ] as const
  try {
    const [relation, ...facts] = await target.together([relationQuery(table), ...queries])
    return { table: requireTarget(toRelation(relation), table), ...toFacts(...facts) }
  } catch (error) {
    if (target.lost.aborted) throw error
    const [clock, previous, forgotten, rejected] = queries
    const facts = [
      await target.rows(clock),
      await target.rows(previous),
      await target.rows(forgotten),
      await target.rows(rejected),
    ] as const
    return { table: await describeTarget(target, table), ...toFacts(...facts) }
  }
}

function toFacts(
  clock: readonly { readonly now: string }[],
  previous: Parameters<typeof toPreviousRuns>[0],
  forgotten: readonly { readonly contact_id: string }[],
  rejected: readonly RejectedRow[],
): Omit<TargetFacts, 'table'> {
  return {
    at: Number(onlyRow(clock).now),
    previousRuns: toPreviousRuns(previous),
    forgotten: forgotten.map(({ contact_id: id }) => id),
    rejected,
  }
}

/** Both at once; the error of the second waits until the first is done, so that no work continues unobserved. */
async function bothOf<A, B>(one: Promise<A>, other: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([one, other])
  return [await one, await other]
}

/** Whether both servers know each of the time zones; those of an earlier run are not checked again. */
async function checkTimeZones(
  source: Session,
  target: Session,
  names: readonly string[],
  earlier: Readonly<Record<string, boolean>> = {},
): Promise<Record<string, boolean>> {
  const known = Object.fromEntries(Object.entries(earlier).filter(([name]) => names.includes(name)))
  const unknown = names.filter((name) => known[name] === undefined)
  if (unknown.length === 0) return known
  const [here, there] = await Promise.all([knownTimeZones(source, unknown), knownTimeZones(target, unknown)])
  const checked = Object.fromEntries(unknown.map((name) => [name, here.has(name) && there.has(name)]))
  return { ...known, ...checked }
}

function unknownTimeZone(name: string): SyncError {
  return new SyncError(
    'CONFIG_INVALID',
    `timeZone is ${JSON.stringify(name)}, which the servers do not both know.`,
    { remedy: 'Use a name from pg_timezone_names, such as America/Sao_Paulo.' },
  )
}
