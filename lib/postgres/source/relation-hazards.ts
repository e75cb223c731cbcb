import { sql } from 'kysely'

import { rowSecurityOf, type RowSecurity } from '../driver/row-security.js'
import { relationNamed } from '../driver/catalog.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'

/** What makes the rows of a relation change without a sign of it, or hides some of them. */
export interface RelationHazards {
  /** As the statement that reads it names it. */
  readonly name: string
  /** Quoted where it has to be. */
  readonly role: string
  readonly rowSecurity: RowSecurity
  /** The materialized views and the foreign tables that it consists of, itself among them. */
  readonly unstamped: readonly string[]
}

/** Of those of the relations that exist, in their order. */
export async function readRelationHazards(
  source: Session,
  names: readonly string[],
): Promise<readonly RelationHazards[]> {
  const rows = await source.rows(
    compile(sql<Omit<RelationHazards, 'unstamped'> & { unstamped: string }>`
      with recursive
        wanted as (
          select w.name, w.place, ${relationNamed(sql`w.name`)}::oid as oid
          from json_array_elements_text(${JSON.stringify(names)}::json) with ordinality w (name, place)
          where ${relationNamed(sql`w.name`)} is not null
        ),
        parts as (
          select w.oid as whole, w.oid as part
          from wanted w
          union
          select p.whole, d.refobjid
          from parts p
          join pg_class c on c.oid = p.part and c.relkind = 'v'
          join pg_rewrite v on v.ev_class = p.part
          join pg_depend d on d.classid = 'pg_rewrite'::regclass
            and d.objid = v.oid
            and d.refclassid = 'pg_class'::regclass
        )
      select
        w.name::text as name,
        quote_ident(current_user)::text as role,
        ${rowSecurityOf(sql`w.oid`, ['r'])} as "rowSecurity",
        array_to_json(array(
          select distinct p.part::regclass::text
          from parts p
          join pg_class c on c.oid = p.part
          where p.whole = w.oid
            and c.relkind in ('m', 'f')
          order by 1
        ))::text as unstamped
      from wanted w
      order by w.place`),
  )
  return rows.map(({ unstamped, ...row }) => ({ ...row, unstamped: JSON.parse(unstamped) as string[] }))
}
