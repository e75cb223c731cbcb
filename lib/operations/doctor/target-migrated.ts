import { sql } from 'kysely'

import { listMigrations, ownMigrations } from '../../postgres/migrate/files.js'
import { migrationsTable } from '../../postgres/migrate/dbmate.js'
import { describeRelation } from '../../postgres/driver/catalog.js'
import type { Session } from '../../postgres/driver/session.js'
import { compile } from '../../postgres/driver/statement.js'
import { critical, ok, warning, type Check } from './check.js'

const migrate = 'Run chatwoot-sync migrate.'

/** Whether all migrations of this release were applied to the target. */
export async function checkMigrated(target: Session): Promise<Check[]> {
  const name = 'target-migrated'
  const migrations = await listMigrations(ownMigrations)
  const control = await describeRelation(target, 'etl_control')
  if (!control) return [critical(name, 'The target has no table etl_control.', migrate)]
  if (!(await describeRelation(target, migrationsTable))) {
    const message = `There is no ${migrationsTable}, so nobody can tell which migrations were applied.`
    return [
      warning(name, message, 'Where another tool applied them, see that it applied all of this release.'),
    ]
  }
  const rows = await target.rows(compile(sql`select version::text from ${sql.table(migrationsTable)}`))
  const applied = new Set(rows.map(([version]) => version))
  const pending = migrations.filter(({ version }) => !applied.has(version))
  if (pending.length === 0) return [ok(name, `All ${migrations.length} migrations were applied.`)]
  const names = pending.map((migration) => migration.name).join(', ')
  return [critical(name, `Migrations are pending: ${names}.`, migrate)]
}

/** Whether the target holds a Chatwoot itself, as when the two databases were mixed up. */
export async function checkNotChatwoot(target: Session): Promise<Check[]> {
  const name = 'target-database'
  const [row] = await target.rows(
    compile(sql`
      select
        (
          to_regclass('conversations') is not null
          and to_regclass('messages') is not null
          and to_regclass('inboxes') is not null
        )::text,
        (to_regclass('etl_control') is not null)::text`),
  )
  const [chatwoot, migrated] = row ?? []
  if (chatwoot !== 'true') return [ok(name, 'The target is not the database of a Chatwoot.')]
  const message = 'The target holds tables of a Chatwoot: conversations, messages, inboxes.'
  const remedy = 'Were source and target mixed up? Use a database of its own for the analytics table.'
  return [migrated === 'true' ? warning(name, message, remedy) : critical(name, message, remedy)]
}
