import { sql } from 'kysely'

import { tableOf } from '../driver/catalog.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'
import type { RebuiltTable } from './rebuilt-table.js'

/** A view that reads a table by its object id, which stays with the table whatever that is called. */
export interface DependentView {
  readonly schema: string
  readonly name: string
  /** Options such as security_barrier, as SQL writes them; empty without. */
  readonly options: string
  readonly definition: string
}

/** The views that read the table directly. The definition names every relation with its schema, as nothing is on the path meanwhile. */
export async function readViews(
  target: Session,
  { oid }: Pick<RebuiltTable, 'oid'>,
): Promise<readonly DependentView[]> {
  const [, views] = await target.together([
    compile(sql`select set_config('search_path', 'pg_catalog', true) as path`),
    compile(sql<DependentView>`
      select
        n.nspname::text as schema,
        v.relname::text as name,
        coalesce(
          (
            select string_agg(format('%I = %L', split_part(o.text, '=', 1), substr(o.text, strpos(o.text, '=') + 1)), ', ')
            from unnest(v.reloptions) o (text)
          ),
          ''
        ) as options,
        rtrim(pg_get_viewdef(v.oid), ';') as definition
      from pg_class v
      join pg_namespace n on n.oid = v.relnamespace
      where v.relkind = 'v'
        and exists (
          select 1
          from pg_rewrite w
          join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
          where w.ev_class = v.oid
            and d.refclassid = 'pg_class'::regclass
            and d.refobjid = ${oid}::oid
        )
      order by v.oid`),
  ])
  return views
}

/** Makes the view read whatever table has the name now; its owner, rights, comments and dependents stay. */
export const replaceView = (view: DependentView) =>
  compile(sql`
    create or replace view ${tableOf(view)} ${view.options === '' ? sql`` : sql`with (${sql.raw(view.options)})`} as
    ${sql.raw(view.definition)}`)
