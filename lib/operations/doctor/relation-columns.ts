import { isStamp, losesContent } from '../../postgres/driver/column-types.js'
import type { Relation } from '../../postgres/driver/catalog.js'
import { columnMigration } from './column-migration.js'
import { critical, ok, warning, type Check } from './check.js'

const bookkeeping = new Set(['etl_inserted_at', 'etl_updated_at', 'deleted_at'])

/**
 * How the columns of a relation and of the table fit by name and type. Columns that only the relation has are left out by a run; those
 * that only the table has stay as they are.
 */
export function compareColumns(relation: Relation, table: Relation | undefined, changedAt: string): Check[] {
  const stamp = columnOf(relation, changedAt)
  const checks = stamp && !isStamp(stamp.type) ? [notAStamp(relation, changedAt, stamp.type)] : []
  if (!table) return checks
  const missing = relation.columns.filter(({ name }) => !columnOf(table, name))
  const left = missing.map(({ name }) => name)
  const unfilled = table.columns
    .filter(({ name }) => !columnOf(relation, name) && !bookkeeping.has(name))
    .map(({ name }) => name)
  checks.push(...table.columns.flatMap((column) => lossOf(columnOf(relation, column.name)?.type, column)))
  if (left.length > 0) {
    const message = `${table.name} has no ${listed(left)}: not loaded.`
    checks.push(lacking(table, missing, message))
  }
  if (unfilled.length > 0) {
    const message = `The relation has no ${listed(unfilled)}: in ${table.name} that stays NULL.`
    checks.push(warning('relation-columns', message, 'Add what is wanted to the relation.'))
  }
  if (checks.length > 0) return checks
  return [ok('relation-columns', `The columns of ${table.name} and the relation match.`)]
}

function columnOf({ columns }: Relation, name: string): Relation['columns'][number] | undefined {
  return columns.find((column) => column.name === name)
}

function notAStamp({ name }: Relation, column: string, type: string): Check {
  const message = `Column ${column} of ${name} is ${type}, which tells no time.`
  return critical('relation-columns', message, 'Name one of type timestamp, timestamptz or date.')
}

function lossOf(from: string | undefined, { name, type }: Relation['columns'][number]): Check[] {
  if (from === undefined || !losesContent(from, type)) return []
  const message = `Column ${name} is ${from} in the source and ${type} in the target, which cannot hold it.`
  return [critical('relation-columns', message, 'Change the type of the target column.')]
}

function lacking(table: Relation, missing: Relation['columns'], message: string): Check {
  const migration = columnMigration(table, missing)
  const [, statement = ''] = /-- migrate:up\n([^]*?)\n\n-- migrate:down/.exec(migration) ?? []
  const remedy = `To load them, let its owner run: ${statement.replaceAll(/\n +/g, ' ')} Or make a file of it: doctor --write-migration.`
  return { ...warning('relation-columns', message, remedy), migration }
}

/** The first names, as a relation can have hundreds of columns. */
function listed(names: readonly string[]): string {
  const more = names.length - 20
  return more > 1 ? `${names.slice(0, 20).join(', ')} and ${more} more` : names.join(', ')
}
