import { existingRelations } from '../../postgres/driver/catalog.js'
import type { Session } from '../../postgres/driver/session.js'
import { migrationsTable } from '../../postgres/migrate/dbmate.js'
import { readPendingMigrations } from '../../postgres/migrate/pending.js'
import { critical, ok, warning, type Check } from './check.js'

const migrate = 'Run chatwoot-sync migrate.'

/** Whether all migrations of this release are applied to the target. */
export async function checkMigrated(target: Session): Promise<Check[]> {
  const name = 'target-migrated'
  if (!(await existingRelations(target, ['etl_control'])).has('etl_control'))
    return [critical(name, 'The target has no table etl_control.', migrate)]
  const migrations = await readPendingMigrations(target)
  if (!migrations) {
    const message = `There is no table ${migrationsTable}, so it is unknown which migrations are applied.`
    const remedy = 'If another tool applies them, make sure that it has applied all those of this release.'
    return [warning(name, message, remedy)]
  }
  const { all, pending } = migrations
  if (pending.length === 0) return [ok(name, `All ${all.length} migrations are applied.`)]
  const names = pending.map((migration) => migration.name).join(', ')
  return [critical(name, `Migrations are pending: ${names}.`, migrate)]
}

/** Whether the target is a Chatwoot database, as when source and target are swapped. */
export async function checkNotChatwoot(target: Session): Promise<Check[]> {
  const name = 'target-database'
  const tables = ['conversations', 'messages', 'inboxes']
  const existing = await existingRelations(target, [...tables, 'etl_control'])
  if (!tables.every((table) => existing.has(table)))
    return [ok(name, 'The target is not a Chatwoot database.')]
  const message = `The target contains tables of Chatwoot: ${tables.join(', ')}.`
  const remedy =
    'Check whether source and target are swapped; keep the analytics table in a separate database.'
  return [existing.has('etl_control') ? warning(name, message, remedy) : critical(name, message, remedy)]
}
