import type { Column, Relation } from '../../postgres/driver/catalog.js'
import { identifier } from '../../postgres/driver/identifier.js'
import { isPoint } from '../../postgres/driver/types/column-type.js'
import { columnTypeFor, conversionOf } from '../../postgres/driver/types/conversion.js'
import { critical, ok, warning, type Check } from './check.js'

const name = 'relation-columns'

/** Columns that the target has and no relation. */
const bookkeeping = new Set(['etl_inserted_at', 'etl_updated_at', 'deleted_at'])

/**
 * How the columns of a relation and of the table match by name and type. A run does not load columns that only the relation has, and leaves
 * those that only the table has as they are.
 */
export function compareColumns(relation: Relation, table: Relation | undefined, changedAt: string): Check[] {
  const stamp = columnOf(relation, changedAt)
  const checks = stamp && !isPoint(stamp.definition.kind) ? [notAStamp(relation, stamp)] : []
  if (!table) return checks
  checks.push(...table.columns.flatMap((column) => lossOf(columnOf(relation, column.name), column)))
  const missing = relation.columns.filter((column) => !columnOf(table, column.name))
  if (missing.length > 0) checks.push(notLoaded(table, missing))
  const unfilled = table.columns.filter(
    (column) => !columnOf(relation, column.name) && !isFilledOtherwise(table, column),
  )
  if (unfilled.length > 0) {
    const message = `The relation lacks columns, which stay NULL in ${table.name}: ${listed(unfilled)}.`
    checks.push(warning(name, message, 'Add those that you need to the relation.'))
  }
  if (checks.length > 0) return checks
  return [ok(name, `The columns of ${table.name} and the relation match.`)]
}

/** By this package, or by the table; other checks are about columns that may not be NULL. */
function isFilledOtherwise({ required, writing }: Relation, { name: column }: Column): boolean {
  return bookkeeping.has(column) || required.includes(column) || writing.generated.includes(column)
}

function columnOf({ columns }: Relation, wanted: string): Column | undefined {
  return columns.find((column) => column.name === wanted)
}

function notAStamp(relation: Relation, { name: column, type }: Column): Check {
  const message = `Column ${column} of ${relation.name} is ${type}, which is not a time.`
  return critical(name, message, 'Choose a column of type timestamp, timestamptz or date.')
}

function lossOf(from: Column | undefined, to: Column): Check[] {
  const conversion = from ? conversionOf(from.definition, to.definition) : 'same'
  if (!from || conversion === 'same') return []
  const types = `Column ${to.name} is ${from.type} in the source and ${to.type} in the target`
  if (conversion === 'mismatch') {
    return [critical(name, `${types}, which cannot hold it.`, 'Change the type of the target column.')]
  }
  const message = `${types}, which cannot hold every value. A row whose value would change is rejected.`
  const remedy = 'Change the type of the target column, or accept the change with allowLossy (--allow-lossy).'
  return [warning(name, message, remedy)]
}

function notLoaded(table: Relation, missing: readonly Column[]): Check {
  const { add, drop } = columnStatements(table, missing)
  const message = `The table ${table.name} lacks columns, which are not loaded: ${listed(missing)}.`
  const remedy = `To load them, have its owner run: ${add.replaceAll(/\n +/g, ' ')} Or write a migration: chatwoot-sync doctor --write-migration`
  return { ...warning(name, message, remedy), migration: migrationOf(add, drop) }
}

/** The statements that add columns of the source to the table and drop them. */
function columnStatements({ schema, name: table }: Relation, columns: readonly Column[]) {
  const alter = `alter table ${identifier(schema, table)}`
  const added = columns.map(
    (column) => `  add column ${identifier(column.name)} ${columnTypeFor(column.definition)}`,
  )
  const dropped = columns.map((column) => `  drop column ${identifier(column.name)}`)
  return { add: `${alter}\n${added.join(',\n')};`, drop: `${alter}\n${dropped.join(',\n')};` }
}

/** A migration for dbmate. `identifier` leaves no line break in a name, which could end the part that goes up. */
function migrationOf(up: string, down: string): string {
  const reason = '-- Columns that the source has and the table lacked. The next run loads them for every row.'
  return `${reason}\n\n-- migrate:up\n${up}\n\n-- migrate:down\n${down}\n`
}

/** The first names, as a relation can have hundreds of columns. */
function listed(columns: readonly Column[]): string {
  const names = columns.map((column) => column.name)
  const more = names.length - 20
  return more > 1 ? `${names.slice(0, 20).join(', ')} and ${more} more` : names.join(', ')
}
