import type { CustomRelation } from '../../options.js'
import { doubtOfZone } from '../../pipeline/prepare/stamp-zone.js'
import type { Relation } from '../../postgres/driver/catalog.js'
import type { Session } from '../../postgres/driver/session.js'
import { identityQuery, isWithoutTrace, toIdentities } from '../../postgres/source/relation-identity.js'
import { ok, warning, type Check } from './check.js'

const name = 'relation-changes'

/** What the stamps of a relation can't show, and what runs do about it. The newest stamp is looked at. */
export async function checkChanges(
  source: Session,
  relation: Relation,
  custom: CustomRelation,
): Promise<Check[]> {
  const untraced = await checkTraces(source, custom)
  const zone = await checkZone(source, relation, custom)
  if (untraced.length > 0 || zone.length > 0) return [...untraced, ...zone]
  const message = `Runs notice what moves ${custom.changedAt}, and when ${custom.name} or what it reads is replaced, truncated or defined anew. Deleted rows, other changes and what others write into the table are found by a full load or verify.`
  return [ok(name, message)]
}

async function checkTraces(source: Session, custom: CustomRelation): Promise<Check[]> {
  const identities = toIdentities(await source.rows(identityQuery(custom.name)))
  return Object.entries(identities).flatMap(([each, identity]) => {
    if (isWithoutTrace(identity)) {
      const why = identity.kind === 'foreign table' ? 'is a foreign table' : 'can be refreshed in place'
      const message = `${each} ${why}, and nothing shows when it changed: every run reads everything.`
      return [warning(name, message, 'Run it seldom, or name a relation without it.')]
    }
    if (identity.kind !== 'materialized view') return []
    const message = `${each} is a materialized view: the first run after each refresh reads everything.`
    return [warning(name, message, 'Name the query below it instead, or run once after each refresh.')]
  })
}

async function checkZone(source: Session, relation: Relation, custom: CustomRelation): Promise<Check[]> {
  const changedAt = relation.columns.find((column) => column.name === custom.changedAt)
  if (!changedAt) return []
  const stamps = { relation, changedAt, changedAtZone: custom.changedAtZone }
  const doubt = await doubtOfZone(source, stamps, { looksAtRows: true })
  if (!doubt) return []
  const message = `The times in ${custom.changedAt} have no time zone and may be local ones: ${doubt.reason}. A first run fails, and later ones may find nothing.`
  const remedy = `Set changedAtZone (--changed-at-zone) to ${doubt.zone ?? 'their time zone'}, or to UTC if they are in UTC.`
  return [warning('relation-changed-at-zone', message, remedy)]
}
