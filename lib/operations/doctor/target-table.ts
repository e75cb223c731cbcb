import { addedColumns } from '../../chatwoot/added-columns.js'
import { rowColumns } from '../../chatwoot/columns.js'
import { migrateCommand } from '../../domain/migrate-command.js'
import { describeTarget, keyColumnsOf, type Relation } from '../../postgres/driver/catalog.js'
import { identifier } from '../../postgres/driver/identifier.js'
import { tableIn } from '../../postgres/driver/search-path.js'
import type { Session } from '../../postgres/driver/session.js'
import { readMissingRights } from '../../postgres/target/rights.js'
import { critical, ok, warning, type Check } from './check.js'

/**
 * Whether a run can load the table: it exists, has the columns and the unique key, and the role may write to it. `key` is that of a custom
 * relation; undefined for the built-in query.
 */
export async function checkTable(target: Session, name: string, key: string | undefined): Promise<Check[]> {
  const table = await describeTarget(target, name)
  const checks = [
    ...(await checkRights(target, name)),
    ...checkColumns(target, table, key),
    ...checkKey(table, key),
  ]
  return checks.length > 0 ? checks : [ok('target-table', `The table ${name} is ready for a run.`)]
}

async function checkRights(target: Session, name: string): Promise<Check[]> {
  const own = (table: string) => tableIn(target.schema, table)
  const { role, database, canCreateTemporary, tables } = await readMissingRights(target, {
    [name]: 'select, insert, update',
    [own('etl_control')]: 'select, insert, update',
    [own('etl_rejects')]: 'select, insert, update, delete',
    [own('etl_forgotten')]: 'select',
  })
  const grants = [...tables].map(([table, rights]) => `grant ${rights} on ${table} to ${role};`)
  const denied = tables.size > 0 ? [`read and write ${[...tables.keys()].join(', ')}`] : []
  // Rows are staged in a temporary table.
  if (!canCreateTemporary) {
    grants.push(`grant temporary on database ${database} to ${role};`)
    denied.push('create temporary tables')
  }
  if (grants.length === 0) return []
  const message = `The role ${role} may not ${denied.join(' or ')}.`
  return [critical('target-rights', message, `Have the owner run: ${grants.join(' ')}`)]
}

/** Whether a run may delete history that is older than `keepHistory`. A run that may not works all the same. */
export async function checkHistory(target: Session): Promise<Check[]> {
  const trimmed = ['etl_control', 'etl_verification', 'etl_alerts']
  const wanted = Object.fromEntries(trimmed.map((table) => [tableIn(target.schema, table), 'delete']))
  const { role, tables } = await readMissingRights(target, wanted)
  if (tables.size === 0) return []
  const names = [...tables.keys()].join(', ')
  return [
    warning(
      'target-history',
      `The role ${role} may not delete from ${names}, so history is never removed.`,
      `Have the owner run: grant delete on ${names} to ${role};`,
    ),
  ]
}

/** The columns for a custom relation are those of the relation, which another check compares. */
function checkColumns(target: Session, table: Relation, key: string | undefined): Check[] {
  if (key !== undefined) return []
  const present = new Set([...table.columns.map(({ name }) => name), ...table.forbidden])
  const missing = rowColumns.filter((column) => !present.has(column))
  if (missing.length === 0) return []
  const message = `The table ${table.name} lacks ${missing.join(', ')}.`
  const remedy = `Run ${migrateCommand(target.schema)}, or add the columns.`
  // Without those of a later release a run loads the others.
  const isNeeded = missing.some((column) => !(column in addedColumns))
  return [(isNeeded ? critical : warning)('target-columns', message, remedy)]
}

function checkKey(table: Relation, key = 'conversation_id'): Check[] {
  if (keyColumnsOf(table.writing.keys).includes(key)) return []
  const message = `The table ${table.name} has no unique index on ${key} alone.`
  const index = `create unique index on ${identifier(table.schema, table.name)} (${identifier(key)});`
  return [critical('target-key', message, `Create it: ${index}`)]
}
