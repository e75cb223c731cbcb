import { sql } from 'kysely'

import { existingRelations } from '../driver/catalog.js'
import { schemaOfControl } from '../driver/search-path.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'
import { listMigrations, ownMigrations, type Migration } from './files.js'
import { listOf, sharedList } from './place.js'

/** The migrations of this package, and those of them that the target lacks. */
export interface PendingMigrations {
  readonly all: readonly Migration[]
  /** Undefined where there is no such list, as where another tool than dbmate applied the migrations. */
  readonly pending: readonly Migration[] | undefined
  /** The list of those that are applied, as SQL writes it. */
  readonly list: string
}

/** By the list of the schema where it has one of its own, else by the shared one. */
export async function readPendingMigrations(target: Session): Promise<PendingMigrations> {
  const all = await listMigrations(ownMigrations())
  const [control] = await target.rows(compile(sql<{ schema: string }>`select ${schemaOfControl} as schema`))
  const schema = target.schema ?? control?.schema ?? 'public'
  const own = schema === 'public' ? undefined : await readPending(target, all, listOf(schema))
  const isOwn = own?.pending !== undefined && own.pending.length < all.length
  return own && (isOwn || target.schema !== undefined) ? own : readPending(target, all, sharedList)
}

async function readPending(
  target: Session,
  all: readonly Migration[],
  list: string,
): Promise<PendingMigrations> {
  if (!(await existingRelations(target, [list])).has(list)) return { all, pending: undefined, list }
  const rows = await target.rows(
    compile(sql<{ version: string }>`select version::text as version from ${sql.raw(list)}`),
  )
  const applied = new Set(rows.map(({ version }) => version))
  return { all, pending: all.filter(({ version }) => !applied.has(version)), list }
}
