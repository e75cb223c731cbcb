import { SyncError } from '../../domain/errors.js'
import type { ResolvedOptions } from '../../options.js'
import type { Probe } from '../../domain/horizon.js'
import { formatMicros, type Micros } from '../../domain/micros.js'
import { inheritQuery, toInheritance, type Inheritance } from '../../postgres/control/runs.js'
import { forgottenQuery, toForgotten } from '../../postgres/control/forgotten.js'
import { look } from '../../postgres/driver/look.js'
import { probeQuery, probeSource, toProbe } from '../../postgres/source/probe.js'
import {
  describeSource,
  describeTarget,
  lookUp,
  requireSource,
  requireTarget,
  toRelation,
  type Relation,
} from '../../postgres/driver/catalog.js'
import { rejectedRowsQuery, toRejectedRows, type RejectedRow } from '../../postgres/control/rejects.js'
import type { Cells, Session } from '../../postgres/driver/session.js'
import { compile } from '../../postgres/driver/statement.js'
import { knownTimeZones } from '../../postgres/source/time-zones.js'
import { clockQuery } from '../../postgres/control/verification.js'
import { lookUpChatwoot, toChatwootColumns } from '../../chatwoot/catalog.js'
import { lookAtSource, requireNotBehind, type Outlook } from './snapshot.js'
import { makePlan, type Plan, type SourceFacts } from './plan.js'
import { fromJson, type State } from './state.js'

/** Where a pipeline stands: what is read, what the last good run left, and what the source looks like now. */
export interface Baseline {
  readonly plan: Plan
  readonly inherited: Inheritance
  /** State of the last good run, whatever it was of. */
  readonly last: State | undefined
  /** The same if it is of this very relation, filter and time zone. */
  readonly usable: State | undefined
  readonly outlook: Outlook
  readonly timeZones: Readonly<Record<string, boolean>>
  /** Rows that the target could not take so far. */
  readonly rejected: readonly RejectedRow[]
}

/**
 * Checks both sides and opens the source's snapshot. Throws RELATION_MISSING, TARGET_NOT_MIGRATED,
 * STANDBY_BEHIND, CONFIG_INVALID and what `makePlan` throws, before anything is written.
 */
export async function readBaseline(
  source: Session,
  target: Session,
  options: ResolvedOptions,
): Promise<Baseline> {
  const [here, there] = await bothOf(askSource(source, options), askTarget(target, options))
  const { inherited, forgotten, rejected } = there
  const plan = { ...makePlan(here.facts, there.table, options), forgotten }
  requireContactColumn(plan)
  const last = fromJson(inherited.good?.state)
  const usable = inherited.good?.fingerprint === plan.fingerprint ? last : undefined
  const at = { probe: here.probe, targetAt: there.at }
  const looked = await lookAtSource(source, at, usable?.horizon, options)
  const outlook = takeOver(looked, inherited, options)
  requireNotBehind(outlook, last?.horizon)
  const timeZones = await lookUpTimeZones(source, target, outlook, options, usable)
  return { plan, inherited, last, usable, outlook, timeZones, rejected }
}

/** Who is forgotten is told by contact_id; without it their rows would come back. */
function requireContactColumn({ custom, forgotten }: Pick<Plan, 'custom' | 'forgotten'>): void {
  if (!custom || forgotten.length === 0) return
  if (custom.relation.columns.some(({ name }) => name === 'contact_id')) return
  throw new SyncError(
    'COLUMN_MISSING',
    `${forgotten.length} contacts are forgotten, and the relation ${custom.relation.name} has no column contact_id to leave them out by.`,
    { remedy: 'Add contact_id to the relation.', details: { column: 'contact_id' } },
  )
}

/** After another program's history a run goes on from its watermark; what that program has lost, nothing here can know. */
function takeOver(outlook: Outlook, { good }: Inheritance, { skewAllowance }: ResolvedOptions): Outlook {
  if (!good || good.foreignWatermark === null || good.state !== null) return outlook
  const from = `${formatMicros(good.foreignWatermark).slice(0, 19)} UTC`
  const message = `Went on from ${from}, where another program had come; run once with --full, or verify --repair, for what it lost.`
  return {
    ...outlook,
    low: good.foreignWatermark - skewAllowance * 1000,
    warnings: [...outlook.warnings, { code: 'TAKEN_OVER', message }],
  }
}

/** The catalog and the probe in one round trip; one by one when that fails, so that the error says which. */
export async function askSource(
  source: Session,
  options: ResolvedOptions,
): Promise<{ facts: SourceFacts; probe: Probe }> {
  const name = options.relation?.name ?? 'conversations'
  const columns = options.relation ? [] : [compile(lookUpChatwoot)]
  try {
    const [relation = [], probe = [], chatwoot = []] = await look(source, options, [
      lookUp(name),
      probeQuery,
      ...columns,
    ])
    const facts = {
      relation: requireSource(toRelation(relation), name),
      chatwoot: toChatwootColumns(chatwoot),
    }
    return { facts, probe: toProbe(probe) }
  } catch (error) {
    if (source.lost.aborted) throw error
    const relation = await describeSource(source, name)
    const [chatwoot = []] = await look(source, options, columns)
    return { facts: { relation, chatwoot: toChatwootColumns(chatwoot) }, probe: await probeSource(source) }
  }
}

interface TargetAnswer {
  /** Time of the target's clock. */
  readonly at: Micros
  readonly inherited: Inheritance
  readonly table: Relation
  readonly forgotten: readonly string[]
  readonly rejected: readonly RejectedRow[]
}

async function askTarget(target: Session, { table, pipeline }: ResolvedOptions): Promise<TargetAnswer> {
  const ofPipeline = [
    clockQuery,
    ...[inheritQuery, forgottenQuery, rejectedRowsQuery].map((query) => query(pipeline)),
  ]
  try {
    const [relation = [], ...facts] = await target.together([lookUp(table), ...ofPipeline])
    return { table: requireTarget(toRelation(relation), table), ...toFacts(facts) }
  } catch (error) {
    if (target.lost.aborted) throw error
    const facts: (readonly Cells[])[] = []
    for (const query of ofPipeline) facts.push(await target.rows(query))
    return { table: await describeTarget(target, table), ...toFacts(facts) }
  }
}

function toFacts([clock = [], control = [], contacts = [], rejects = []]: readonly (readonly Cells[])[]) {
  return {
    at: Number(clock[0]?.[0]),
    inherited: toInheritance(control),
    forgotten: toForgotten(contacts),
    rejected: toRejectedRows(rejects),
  }
}

/** Both at once; the error of the second waits until the first is done, so that no work goes on unseen. */
async function bothOf<A, B>(one: Promise<A>, other: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([one, other])
  return [await one, await other]
}

async function lookUpTimeZones(
  source: Session,
  target: Session,
  { timeZones: found }: Outlook,
  { timeZone }: ResolvedOptions,
  last: State | undefined,
): Promise<Record<string, boolean>> {
  const names = timeZone === undefined ? found : [timeZone]
  const known = Object.fromEntries(
    Object.entries(last?.timeZones ?? {}).filter(([name]) => names.includes(name)),
  )
  const unknown = names.filter((name) => known[name] === undefined)
  if (unknown.length === 0) return known
  const [here, there] = await Promise.all([knownTimeZones(source, unknown), knownTimeZones(target, unknown)])
  const looked = Object.fromEntries(unknown.map((name) => [name, here.has(name) && there.has(name)]))
  if (timeZone !== undefined && looked[timeZone] === false) throw unknownTimeZone(timeZone)
  return { ...known, ...looked }
}

function unknownTimeZone(name: string): SyncError {
  return new SyncError(
    'CONFIG_INVALID',
    `timeZone is ${JSON.stringify(name)}, which the servers do not both know.`,
    {
      remedy: 'Name one of pg_timezone_names, such as America/Sao_Paulo.',
    },
  )
}
