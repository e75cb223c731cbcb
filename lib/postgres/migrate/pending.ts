import { sql } from 'kysely'

import { existingRelations } from '../driver/catalog.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'
import { migrationsTable } from './dbmate.js'
import { listMigrations, ownMigrations, type Migration } from './files.js'

/** The migrations of this package, and those of them that the target lacks. */
export interface PendingMigrations {
  readonly all: readonly Migration[]
  readonly pending: readonly Migration[]
}

/** Undefined where the target has no table of applied migrations, as where another tool than dbmate applied them. */
export async function readPendingMigrations(target: Session): Promise<PendingMigrations | undefined> {
  const all = await listMigrations(ownMigrations())
  if (!(await existingRelations(target, [migrationsTable])).has(migrationsTable)) return undefined
  const rows = await target.rows(
    compile(sql<{ version: string }>`select version::text as version from ${sql.table(migrationsTable)}`),
  )
  const applied = new Set(rows.map(({ version }) => version))
  return { all, pending: all.filter(({ version }) => !applied.has(version)) }
}
