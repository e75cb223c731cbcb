import { sql } from 'kysely'

import { isTrusted, ownPath } from '../driver/search-path.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'

/** A schema of the role's path that is left out of ours. Names are quoted where they have to be. */
export interface OpenSchema {
  readonly schema: string
  /** Everybody may create in it. */
  readonly isForAll: boolean
  /** Roles that own functions or operators in it without being allowed to create there; empty where everybody is. */
  readonly owners: string
}

/** Why schemas of the role's path are left out of ours. */
export async function readOpenSchemas(session: Session): Promise<readonly OpenSchema[]> {
  return session.rows(
    compile(sql<OpenSchema>`
      select
        quote_ident(n.nspname)::text as schema,
        has_schema_privilege('public', n.oid, 'create') as "isForAll",
        coalesce(
          (
            select string_agg(distinct quote_ident(pg_get_userbyid(made.owner)), ', ')
            from (
              select proowner as owner from pg_proc where pronamespace = n.oid
              union all
              select oprowner from pg_operator where oprnamespace = n.oid
            ) made
            where not has_schema_privilege(made.owner, n.oid, 'create')
          ),
          ''
        )::text as owners
      from ${ownPath}
      join pg_namespace n on n.nspname = own.schema
      join pg_database d on d.datname = current_database()
      where not (${sql.raw(isTrusted)})
      order by own.place`),
  )
}
