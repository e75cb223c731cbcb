import type { Warning } from '../../domain/report.js'
import type { ResolvedOptions } from '../../options.js'
import type { Session } from '../../postgres/driver/session.js'
import type { RelationIdentities, RelationIdentity } from '../../postgres/source/relation-identity.js'
import { hasRowsSince, type TableLook } from '../../postgres/target/table-identity.js'
import type { LoadPlan } from '../../postgres/target/upsert.js'
import type { State } from './state.js'

/** Whether the table still is what the last successful run left. */
export interface TargetTrust {
  /** Why it is not, so that everything has to be read. */
  readonly reason: string | undefined
  /** Rows that somebody else deleted do not come back by themselves; one warning says so, and health, until they are back or it is on purpose. */
  readonly hasWarnedOfDeletes: boolean
  readonly warnings: readonly Warning[]
}

/**
 * Compares the table with what the last run left: its identity, whether it has rows, and the row that was marked, which is gone or older in
 * one that was emptied, filled again or restored. VACUUM FULL and its like change none of these.
 */
export async function trustInTarget(
  target: Session,
  plan: LoadPlan,
  facts: { readonly last: State; readonly look: TableLook },
  { acceptTargetDeletes }: Pick<ResolvedOptions, 'acceptTargetDeletes'>,
): Promise<TargetTrust> {
  const { last, look } = facts
  const past = last.identities?.table
  const name = plan.table.name
  const readAll = (reason: string) => ({ reason, hasWarnedOfDeletes: false, warnings: [] })
  if (past && (past.database !== look.database || past.oid !== look.oid)) {
    return readAll(`the table ${name} is another one than the last run wrote`)
  }
  if (!look.hasRows && (last.identities?.marker || past?.hasRows !== false)) {
    return readAll(`the table ${name} was emptied`)
  }
  const fate = await fateOfMarker(target, plan, facts)
  const isLost = fate === 'lost' && !acceptTargetDeletes
  if (fate === 'older' || isLost)
    return readAll(`the table ${name} was restored or filled by another program`)
  const deleted = Number(look.deletes ?? 0) - Number(past?.deletes ?? look.deletes ?? 0)
  const isSeen = deleted > 0 || fate === 'deleted'
  const wasTold = last.identities?.hasWarnedOfDeletes === true
  const isTold = isSeen && !wasTold && !acceptTargetDeletes
  return {
    reason: undefined,
    hasWarnedOfDeletes: (wasTold || isTold) && !acceptTargetDeletes,
    warnings: isTold ? [rowsDeleted(name, deleted)] : [],
  }
}

/** `lost` when no row is as new as the marked one was, as in an older copy; `deleted` when others are. */
async function fateOfMarker(
  target: Session,
  plan: LoadPlan,
  { last, look: { marked } }: { readonly last: State; readonly look: TableLook },
): Promise<'intact' | 'older' | 'deleted' | 'lost'> {
  const marker = last.identities?.marker
  if (!marker) return 'intact'
  if (marked) return isBefore(marked.at, marker.at) ? 'older' : 'intact'
  return marker.at !== null && (await hasRowsSince(target, plan, marker.at)) ? 'deleted' : 'lost'
}

/** Times as JSON has them; what is none is not compared. */
function isBefore(one: string | null, other: string | null): boolean {
  return one !== null && other !== null && Date.parse(one) < Date.parse(other)
}

function rowsDeleted(table: string, rows: number): Warning {
  const count = rows > 0 ? `, up to ${rows} of them` : ''
  const message =
    `Another program deleted rows of ${table}${count}; incremental runs do not bring them back. ` +
    'Run once with --full, or verify --repair, or set acceptTargetDeletes if it is on purpose.'
  return { code: 'TARGET_ROWS_DELETED', message }
}

/**
 * Why stamps can't show what changed since the run that left `before`, so that everything has to be read: a relation was replaced, rewritten
 * or defined anew. Undefined where they can. VACUUM FULL looks like TRUNCATE and a load of the same rows, and costs one full load.
 */
export function untracedChange(
  before: RelationIdentities | undefined,
  now: RelationIdentities,
): string | undefined {
  const unseen = Object.entries(now).find(([, identity]) => isWithoutTrace(identity))
  if (unseen) return `${unseen[0]} is a ${unseen[1].kind}, whose changes no stamp shows`
  return before && replacedRelation(before, now)
}

/** Which of the relations is no longer the one that it was, in words. */
export function replacedRelation(before: RelationIdentities, now: RelationIdentities): string | undefined {
  const changed = Object.entries(before).flatMap(([name, past]) => changeOf(name, past, now[name]) ?? [])
  const added = Object.keys(now).filter((name) => !before[name] && !isReadWhole(name, now))
  return [...changed, ...added.map((name) => `${name} was added below the relation`)][0]
}

/** The same but for files, as VACUUM FULL in the middle of a run is left to the next one. */
export function redefinedRelation(before: RelationIdentities, now: RelationIdentities): string | undefined {
  const withFileOf = ([name, identity]: [string, RelationIdentity]) =>
    [name, { ...identity, file: before[name]?.file ?? identity.file }] as const
  return replacedRelation(before, Object.fromEntries(Object.entries(now).map(withFileOf)))
}

/** Whether nothing shows a change: a refresh in place leaves no trace, and another server has transactions of its own. */
export const isWithoutTrace = ({ kind, isRefreshedInPlace }: RelationIdentity): boolean =>
  kind === 'foreign table' || isRefreshedInPlace

/** Object ids of the partitions that an earlier run did not know: all their rows are read, whatever their stamps are. */
export function newParts(before: RelationIdentities | undefined, now: RelationIdentities): readonly string[] {
  if (!before) return []
  return Object.entries(now).flatMap(([name, { oid }]) =>
    !before[name] && isReadWhole(name, now) ? [oid] : [],
  )
}

/** Names of the partitions that are gone, and their rows with them. */
export function lostParts(
  before: RelationIdentities | undefined,
  now: RelationIdentities,
): readonly string[] {
  return Object.entries(before ?? {}).flatMap(([name, { isPart }]) => (isPart && !now[name] ? [name] : []))
}

function changeOf(
  name: string,
  past: RelationIdentity,
  present: RelationIdentity | undefined,
): string | undefined {
  if (!present) return past.isPart ? undefined : `${name} is no longer part of the relation`
  if (present.oid !== past.oid) return `${name} is another ${present.kind} than the one of that name before`
  if (present.definition !== past.definition) return `the definition of ${name} changed`
  if (present.file === past.file) return undefined
  return `${name} was ${present.kind === 'materialized view' ? 'refreshed' : 'truncated or rewritten'}`
}

/** Below a view the rows of a partition can't be distinguished from the others. */
function isReadWhole(name: string, now: RelationIdentities): boolean {
  return now[name]?.isPart === true && Object.values(now).every(({ kind }) => kind === 'table')
}
