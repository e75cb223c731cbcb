import { readColumns } from '../../chatwoot/tables.js'
import type { RelationIdentities } from '../../postgres/source/relation-identity.js'
import type { Plan } from './plan.js'

type Read = Pick<Plan, 'custom' | 'tables'>

/** Of Chatwoot's tables those that the plan reads: what happens to another one, of a release or behind a missing right, changes no row. */
export function identitiesRead({ custom, tables }: Read, found: RelationIdentities): RelationIdentities {
  if (custom) return found
  const isRead = (name: string) => name in readColumns || tables.get(name)?.isRead === true
  return Object.fromEntries(Object.entries(found).filter(([name]) => isRead(name)))
}

/**
 * What `now` is compared with. A table of Chatwoot that the earlier run did not look at counts as it is: that it is read at all is part of the
 * fingerprint, and states of before do not hold each of them.
 */
export function identitiesBefore(
  { custom }: Read,
  known: RelationIdentities | undefined,
  now: RelationIdentities,
): RelationIdentities | undefined {
  return known && !custom ? { ...now, ...known } : known
}
