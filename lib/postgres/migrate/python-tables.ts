import { sql } from 'kysely'

import { ownRelation, ownSchema } from '../driver/search-path.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'

/** What `migrate` meets in a target that the Python pipeline made. Names are quoted where they have to be. */
export interface PythonTables {
  readonly role: string
  readonly schema: string
  /** Whether the role may create tables there. */
  readonly canCreate: boolean
  /** The tables and views that it has to change and does not own. */
  readonly notOwned: readonly string[]
  /** Views of others that depend on a column whose type it changes, or on the view or the function that it replaces. */
  readonly dependent: readonly string[]
}

/** Undefined for any other target. */
export async function readPythonTables(target: Session): Promise<PythonTables | undefined> {
  const [row] = await target.rows(
    compile(sql<Omit<PythonTables, 'notOwned' | 'dependent'> & { notOwned: string; dependent: string }>`
      select
        quote_ident(current_user)::text as role,
        coalesce(quote_ident(${ownSchema}), 'public')::text as schema,
        coalesce(has_schema_privilege(${ownSchema}, 'create'), false) as "canCreate",
        array_to_json(array(
          select c.oid::regclass::text
          from pg_class c
          where c.oid in (
              ${ownRelation(sql`'conversas_analytics'::text`)}, ${ownRelation(sql`'etl_control'::text`)}, ${ownRelation(sql`'vw_etl_stats'::text`)}
            )
            and not pg_has_role(c.relowner, 'usage')
          order by c.relname
        ))::text as "notOwned",
        array_to_json(array(
          select distinct v.ev_class::regclass::text
          from pg_depend d
          join pg_rewrite v on v.oid = d.objid and v.ev_class <> d.refobjid
          left join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid and a.attnum > 0
          where d.classid = 'pg_rewrite'::regclass
            and (
              d.refclassid = 'pg_class'::regclass and d.refobjid = ${ownRelation(sql`'vw_etl_stats'::text`)}
              or d.refclassid = 'pg_class'::regclass
                and d.refobjid = ${ownRelation(sql`'conversas_analytics'::text`)}
                and format_type(a.atttypid, a.atttypmod) ~ '^(character|timestamp without)'
              or d.refclassid = 'pg_proc'::regclass
                and d.refobjid in (select oid from pg_proc where proname = 'get_last_successful_watermark' and pronargs = 0)
            )
            and v.ev_class is distinct from ${ownRelation(sql`'vw_etl_stats'::text`)}
          order by 1
        ))::text as dependent
      where ${ownRelation(sql`'etl_control'::text`)} is not null
        and not exists (
          select 1
          from pg_attribute a
          where a.attrelid = ${ownRelation(sql`'etl_control'::text`)}
            and a.attname = 'pipeline'
            and not a.attisdropped
        )`),
  )
  if (!row) return undefined
  const listed = (text: string) => JSON.parse(text) as readonly string[]
  return { ...row, notOwned: listed(row.notOwned), dependent: listed(row.dependent) }
}
