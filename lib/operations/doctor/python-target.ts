import { migrateCommand } from '../../domain/migrate-command.js'
import type { Session } from '../../postgres/driver/session.js'
import { readPythonTables, type PythonTables } from '../../postgres/migrate/python-tables.js'
import { critical, type Check } from './check.js'

const name = 'target-migrated'

/** What `migrate` needs on a target of the Python pipeline that it has not taken over yet; nothing on any other target. */
export async function checkPythonTarget(target: Session): Promise<readonly Check[]> {
  const tables = await readPythonTables(target)
  if (!tables) return []
  const message = 'The tables are those of the Python pipeline.'
  const remedy = `Run ${migrateCommand(target.schema)}, which keeps their rows and their history; docs/moving-from-python.md has the steps.`
  return [critical(name, message, remedy), ...rightsToMigrate(tables), ...viewsInTheWay(tables)]
}

function rightsToMigrate({ role, schema, canCreate, notOwned }: PythonTables): Check[] {
  const denied = [
    ...(notOwned.length > 0 ? [`does not own ${notOwned.join(', ')}`] : []),
    ...(canCreate ? [] : [`may not create tables in the schema ${schema}`]),
  ]
  if (denied.length === 0) return []
  const grants = canCreate ? '' : ` grant create on schema ${schema} to ${role};`
  const owners = notOwned.map((table) => ` alter table ${table} owner to ${role};`).join('')
  const remedy = `Give migrate the owner's settings with --env, or have the owner run:${grants}${owners}`
  return [critical('target-owner', `The role ${role} cannot migrate: it ${denied.join(' and ')}.`, remedy)]
}

function viewsInTheWay({ dependent }: PythonTables): Check[] {
  if (dependent.length === 0) return []
  const list = dependent.join(', ')
  const message = `Views keep migrate from changing columns that they read: ${list}.`
  const remedy = `Keep their definitions (select pg_get_viewdef('name')), run drop view ${list}; then migrate, and create them again.`
  return [critical('target-views', message, remedy)]
}
