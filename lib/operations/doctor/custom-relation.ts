import { defaults, type CustomRelation } from '../../options.js'
import { describeRelation, describeSource, type Relation } from '../../postgres/driver/catalog.js'
import { identifier } from '../../postgres/driver/identifier.js'
import { tableIn } from '../../postgres/driver/search-path.js'
import type { Session } from '../../postgres/driver/session.js'
import { readPythonTables } from '../../postgres/migrate/python-tables.js'
import { countKeys } from '../../postgres/source/key-counts.js'
import { readRole } from '../../postgres/source/rights.js'
import { readTableHazards } from '../../postgres/target/table-hazards.js'
import { critical, ok, type Check } from './check.js'
import { checkChangePath } from './indexes.js'
import { checkChanges } from './relation-changes.js'
import { checkClockColumns } from './relation-clock.js'
import { compareColumns } from './relation-columns.js'
import { compareFilled } from './target-hazards.js'

/** Whether a custom relation can be read, has the columns and the unique key that its options claim, and fits the table. It is read whole. */
export async function checkCustomRelation(
  source: Session,
  target: Session,
  custom: CustomRelation,
  table: string,
): Promise<readonly Check[]> {
  const { name, key, changedAt } = custom
  const relation = await describeSource(source, name)
  const columns = new Set(relation.columns.map((column) => column.name))
  if (relation.forbidden.length > 0) return [mayNotRead(await readRole(source), relation)]
  const absent = [key, changedAt].filter((column) => !columns.has(column))
  if (absent.length > 0) {
    const message = `The relation ${name} has no column ${absent.join(' and no column ')}.`
    return [critical('relation', message, `Choose among its columns: ${[...columns].join(', ')}.`)]
  }
  const compared = await compareWithTable(target, relation, { key, changedAt, table })
  return [
    ok('relation', `The relation ${name} has the columns ${key} and ${changedAt}.`),
    ...(await checkKeys(source, relation, key)),
    ...(await checkChanges(source, relation, custom)),
    ...(await checkClockColumns(source, relation, custom)),
    ...(await checkChangePath(source, relation, custom)),
    ...compared,
  ]
}

async function compareWithTable(
  target: Session,
  relation: Relation,
  { key, changedAt, table: name }: Pick<CustomRelation, 'key' | 'changedAt'> & { readonly table: string },
): Promise<Check[]> {
  // The table of the Python pipeline is compared once migrate has changed it.
  const isToBeMigrated =
    name === tableIn(target.schema, defaults.table) && (await readPythonTables(target)) !== undefined
  const table = isToBeMigrated ? undefined : await describeRelation(target, name)
  const hazards = table && (await readTableHazards(target, name))
  const columns = relation.columns.map((column) => column.name)
  return [
    ...compareColumns(relation, table, changedAt),
    ...(table && hazards ? compareFilled(table, hazards, { columns, key }) : []),
  ]
}

function mayNotRead(role: string, { schema, name, forbidden }: Relation): Check {
  const message = `The role ${role} may not read these columns of ${name}: ${forbidden.join(', ')}.`
  const grant = `grant select on ${identifier(schema, name)} to ${identifier(role)};`
  return critical('relation', message, `Have its owner run: ${grant}`)
}

async function checkKeys(source: Session, relation: Relation, key: string): Promise<Check[]> {
  const name = 'relation-key'
  const { rows, withoutKey, repeatedKeys } = await countKeys(source, relation, key)
  const found: Check[] = []
  if (withoutKey !== '0') {
    const message = `Rows of ${relation.name} in which ${key} is NULL: ${withoutKey}.`
    found.push(
      critical(name, message, `Exclude them from the relation: where ${identifier(key)} is not null;`),
    )
  }
  if (repeatedKeys !== '0') {
    const message = `Values of ${key} that occur in more than one row of ${relation.name}: ${repeatedKeys}.`
    const remedy = 'Use a unique key, or keep one row for each key, for example with distinct on.'
    found.push(critical(name, message, remedy))
  }
  if (found.length > 0) return found
  const index = relation.uniqueColumns.includes(key) ? ', as an index enforces' : ''
  return [ok(name, `${key} is unique in all ${rows} rows${index}.`)]
}
