import { shellWord } from '../../domain/shell-word.js'
import type { CustomRelation } from '../../options.js'
import type { Relation } from '../../postgres/driver/catalog.js'
import type { Session } from '../../postgres/driver/session.js'
import { readClockColumns } from '../../postgres/source/clock-columns.js'
import { ok, warning, type Check } from './check.js'

const name = 'relation-clock'

/** The columns of a relation whose values depend on when it is read: verify finds them different in every row. */
export async function checkClockColumns(
  source: Session,
  relation: Relation,
  { key, ignoreChanges = [] }: CustomRelation,
): Promise<Check[]> {
  const clocked = await readClockColumns(source, relation, key)
  if (clocked.length === 0) return []
  const left = clocked.filter((column) => !ignoreChanges.includes(column))
  if (left.length === 0)
    return [ok(name, `Columns that depend on the time of reading are ignored: ${clocked.join(', ')}.`)]
  const message = `Columns of ${relation.name} depend on the time of reading: ${left.join(', ')}. The table keeps what they were when a row was last loaded, a full load writes every row, and verify finds them different.`
  const words = [...ignoreChanges, ...left].map(shellWord).join(' ')
  const remedy = `Give --ignore-changes ${words} (relation.ignoreChanges) to sync and to verify, or leave them out of the relation.`
  return [warning(name, message, remedy)]
}
