import type { RelationIdentities, RelationIdentity } from '../../postgres/source/relation-identity.js'

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
