import { sql } from 'kysely'

import { relationNamed } from '../driver/catalog.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'

/** What the role of the connection lacks; names are quoted where they have to be. */
export interface MissingRights {
  readonly role: string
  readonly database: string
  /** Whether it may create temporary tables. */
  readonly canCreateTemporary: boolean
  /** The wanted rights by table, for each table of which one is missing. */
  readonly tables: ReadonlyMap<string, string>
}

/** `wanted` are rights by table, as in `{ etl_control: 'select, insert' }`; tables that do not exist are ignored. */
export async function readMissingRights(
  target: Session,
  wanted: Readonly<Record<string, string>>,
): Promise<MissingRights> {
  const [row] = await target.rows(
    compile(sql<{ role: string; database: string; temporary: boolean; lacking: string }>`
      select
        quote_ident(current_user)::text as role,
        quote_ident(current_database())::text as database,
        has_database_privilege(current_database(), 'temporary') as temporary,
        (
          select coalesce(json_object_agg(wanted.name, wanted.rights), '{}'::json)
          from json_each_text(${JSON.stringify(wanted)}::json) wanted (name, rights)
          where ${relationNamed(sql`wanted.name`)} is not null
            and exists (
              select 1
              from unnest(string_to_array(wanted.rights, ', ')) needed
              where not has_table_privilege(${relationNamed(sql`wanted.name`)}, needed)
            )
        )::text as lacking`),
  )
  const lacking = JSON.parse(row?.lacking ?? '{}') as Record<string, string>
  return {
    role: row?.role ?? '',
    database: row?.database ?? '',
    canCreateTemporary: row?.temporary === true,
    tables: new Map(Object.entries(lacking)),
  }
}
