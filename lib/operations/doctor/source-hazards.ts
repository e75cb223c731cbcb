import { readColumns } from '../../chatwoot/tables.js'
import type { CustomRelation } from '../../options.js'
import type { Session } from '../../postgres/driver/session.js'
import { readRelationHazards, type RelationHazards } from '../../postgres/source/relation-hazards.js'
import { critical, warning, type Check } from './check.js'
import { checkChangeIndex } from './indexes.js'

/** What hides rows of Chatwoot's tables from the role. */
export async function checkSourceHazards(source: Session): Promise<Check[]> {
  return (await readRelationHazards(source, Object.keys(readColumns))).flatMap(hiddenRows)
}

/** What hides rows of a relation of one's own from the role, or changes them without a sign, or makes each run read all of them. */
export async function checkRelationHazards(
  source: Session,
  { name, changedAt }: CustomRelation,
): Promise<Check[]> {
  const hazards = await readRelationHazards(source, [name])
  return [
    ...hazards.flatMap(hiddenRows),
    ...hazards.flatMap(refreshedRows),
    ...(await checkChangeIndex(source, name, changedAt)),
  ]
}

/** Rows that a role may not see look deleted. */
function hiddenRows({ name, role, rowSecurity }: RelationHazards): Check[] {
  if (rowSecurity === 'off' || rowSecurity === 'open') return []
  const remedy = `Have a superuser run: alter role ${role} bypassrls; or have its owner create a policy for ${role} that shows every row.`
  if (rowSecurity === 'closed') {
    const message = `Row security hides every row of ${name} from the role ${role}.`
    return [critical('source-row-security', message, remedy)]
  }
  const message = `Row security decides which rows of ${name} the role ${role} sees; those that it hides count as deleted.`
  return [warning('source-row-security', message, `If that is not intended: ${remedy}`)]
}

function refreshedRows({ name, unstamped }: RelationHazards): Check[] {
  if (unstamped.length === 0) return []
  const message = `${name} reads ${unstamped.join(', ')}, materialized or foreign: a refresh, or a write on the other server, can change rows without a later stamp.`
  return [warning('relation-kind', message, 'The check relation-changes says what runs do about it.')]
}
