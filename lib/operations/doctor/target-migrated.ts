import { migrateCommand } from '../../domain/migrate-command.js'
import { existingRelations } from '../../postgres/driver/catalog.js'
import { hasControl, tableIn } from '../../postgres/driver/search-path.js'
import type { Session } from '../../postgres/driver/session.js'
import { readPendingMigrations } from '../../postgres/migrate/pending.js'
import { critical, ok, warning, type Check } from './check.js'

/** Whether all migrations of this release are applied to the target. */
export async function checkMigrated(target: Session): Promise<Check[]> {
  const name = 'target-migrated'
  const migrate = `Run ${migrateCommand(target.schema)}.`
  if (!(await hasControl(target)))
    return [critical(name, `The target has no table ${tableIn(target.schema, 'etl_control')}.`, migrate)]
  const { all, pending, list } = await readPendingMigrations(target)
  if (!pending && target.schema !== undefined) {
    const message = `The tables have no list of migrations of their own yet, ${list}.`
    return [warning(name, message, `${migrate} It adopts them.`)]
  }
  if (!pending) {
    const message = `There is no table ${list}, so it is unknown which migrations are applied.`
    const remedy = 'If another tool applies them, make sure that it has applied all those of this release.'
    return [warning(name, message, remedy)]
  }
  if (pending.length === 0) return [ok(name, `All ${all.length} migrations are applied.`)]
  const names = pending.map((migration) => migration.name).join(', ')
  return [critical(name, `Migrations are pending: ${names}.`, migrate)]
}

/** Whether the target is a Chatwoot database, as when source and target are swapped. */
export async function checkNotChatwoot(target: Session): Promise<Check[]> {
  const name = 'target-database'
  const tables = ['conversations', 'messages', 'inboxes']
  const existing = await existingRelations(target, tables)
  if (!tables.every((table) => existing.has(table)))
    return [ok(name, 'The target is not a Chatwoot database.')]
  const message = `The target contains tables of Chatwoot: ${tables.join(', ')}.`
  const remedy =
    'Check whether source and target are swapped; keep the analytics table in a separate database.'
  return [(await hasControl(target)) ? warning(name, message, remedy) : critical(name, message, remedy)]
}
