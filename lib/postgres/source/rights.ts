import { sql } from 'kysely'

import { relationNamed } from '../driver/catalog.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'

/** The role of the connection, as it is. */
export async function readRole(source: Session): Promise<string> {
  const [row] = await source.rows(compile(sql<{ role: string }>`select current_user::text as role`))
  return row?.role ?? ''
}

/** A schema that holds a table and that the role may not use; both names are quoted where they have to be. */
export interface ClosedSchema {
  readonly schema: string
  readonly role: string
}

/**
 * A schema that holds a table of this name and that the role may not use, where the table is found in no other one: its tables look as if
 * they did not exist.
 */
export async function findClosedSchema(source: Session, table: string): Promise<ClosedSchema | undefined> {
  const [row] = await source.rows(
    compile(sql<ClosedSchema>`
      select distinct
        quote_ident(n.nspname)::text as schema,
        quote_ident(current_user)::text as role
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      where c.relname = ${table}::text
        and c.relkind in ('r', 'p', 'v', 'f')
        and not has_schema_privilege(n.oid, 'usage')
        and ${relationNamed(sql`quote_ident(${table}::text)`)} is null`),
  )
  return row
}

/** What the role can do besides reading. */
export interface WriteRights {
  /** Quoted where it has to be. */
  readonly role: string
  readonly isSuperuser: boolean
  /** Whether it may write to at least one of the relations. */
  readonly canWrite: boolean
}

/** `relations` are names as SQL writes them; those that do not exist are ignored. */
export async function readWriteRights(source: Session, relations: readonly string[]): Promise<WriteRights> {
  const [row] = await source.rows(
    compile(sql<WriteRights>`
      select
        quote_ident(current_user)::text as role,
        coalesce((select rolsuper from pg_roles where rolname = current_user), false) as "isSuperuser",
        (
          select coalesce(bool_or(has_table_privilege(c.oid, 'insert, update, delete, truncate')), false)
          from json_array_elements_text(${JSON.stringify(relations)}::json) wanted
          join pg_class c on c.oid = ${relationNamed(sql`wanted`)}
        ) as "canWrite"`),
  )
  return row ?? { role: '', isSuperuser: false, canWrite: false }
}
