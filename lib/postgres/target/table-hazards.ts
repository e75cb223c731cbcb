import { sql } from 'kysely'

import { rowSecurityOf, type RowSecurity } from '../driver/row-security.js'
import { relationNamed } from '../driver/catalog.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'

/** What the owner of a table has added to it that can keep a run from writing what it read. */
export interface TableHazards {
  /** Both quoted where they have to be. */
  readonly role: string
  readonly table: string
  readonly rowSecurity: RowSecurity
  /** Columns that may not be NULL and that have no value unless a row brings one. */
  readonly needed: readonly string[]
  /** Row triggers that run before an insert or an update, which can change or drop the row, with the function that each calls. */
  readonly triggers: readonly string[]
  /** Rewrite rules for inserts and updates. */
  readonly rules: readonly string[]
}

/** Undefined where there is no such table. */
export async function readTableHazards(target: Session, name: string): Promise<TableHazards | undefined> {
  const [row] = await target.rows(
    compile(sql<{ role: string; table: string; security: RowSecurity; lists: string }>`
      select
        quote_ident(current_user)::text as role,
        c.oid::regclass::text as "table",
        ${rowSecurityOf(sql`c.oid`, ['r', 'a', 'w'])} as security,
        json_build_object(
          'needed', array(
            select a.attname::text
            from pg_attribute a
            join pg_type t on t.oid = a.atttypid
            where a.attrelid = c.oid
              and a.attnum > 0
              and not a.attisdropped
              and (a.attnotnull or t.typnotnull)
              and not a.atthasdef
              and a.attidentity = ''
              and t.typdefault is null
            order by a.attnum
          ),
          'triggers', array(
            select format('%I, which calls %s', g.tgname, g.tgfoid::regproc)
            from pg_trigger g
            where g.tgrelid = c.oid
              and not g.tgisinternal
              and g.tgenabled in ('O', 'A')
              -- For each row, before, and on insert or update.
              and g.tgtype & 3 = 3
              and g.tgtype & 20 <> 0
            order by g.tgname
          ),
          'rules', array(
            select w.rulename::text
            from pg_rewrite w
            where w.ev_class = c.oid
              and w.ev_type in ('2', '3')
            order by w.rulename
          )
        )::text as lists
      from pg_class c
      where c.oid = ${relationNamed(sql`${name}::text`)}`),
  )
  if (!row) return undefined
  const lists = JSON.parse(row.lists) as Pick<TableHazards, 'needed' | 'triggers' | 'rules'>
  return { role: row.role, table: row.table, rowSecurity: row.security, ...lists }
}
