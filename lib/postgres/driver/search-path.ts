import { sql, type RawBuilder } from 'kysely'

import type { Side } from './session.js'

/**
 * Whether nobody can have planted anything in the schema `n`: not everybody may create in it, as by default up to PostgreSQL 14, and no
 * function or operator in it belongs to a role that may not. Of two functions that fit, the one with the types of the arguments wins, in
 * whichever schema of the path it is: only leaving the schema out of the path helps. Owners are listed for all but the first superuser,
 * who may create anywhere. Each name and operator is qualified, as this is run under the path that is in question.
 */
export const isTrusted = `
      not pg_catalog.has_schema_privilege('public'::pg_catalog.name, n.oid, 'create'::pg_catalog.text)
      and not exists (
        select
        from pg_catalog.pg_shdepend s
        where s.dbid operator(pg_catalog.=) d.oid
          and s.classid operator(pg_catalog.=) any (
            array['pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass]::pg_catalog.oid[]
          )
          and s.deptype operator(pg_catalog.=) 'o'
          and s.refobjid operator(pg_catalog.<>) n.nspowner
          and s.refobjid operator(pg_catalog.<>) d.datdba
          and pg_catalog.pg_get_userbyid(s.refobjid) operator(pg_catalog.<>) current_user
          and not pg_catalog.has_schema_privilege(s.refobjid, n.oid, 'create'::pg_catalog.text)
          and (pg_catalog.pg_identify_object(s.classid, s.objid, 0)).schema operator(pg_catalog.=) any (
            array[n.nspname::pg_catalog.text, pg_catalog.quote_ident(n.nspname::pg_catalog.text)]
          )
      )`

/**
 * The path of the role, what of it is safe, and the schema in which it finds our tables, as a row `paths (own, safe, control)`; for a from
 * clause. `path` is the list of schemas and `control` the condition under which one of them is that of our tables.
 */
const pathsWith = (schemas: string, { own, path, control }: Place) => sql`(
  select
    schemas.own,
    coalesce(schemas.control, '') as control,
    ${sql.raw(`pg_catalog.concat_ws(', ', ${schemas})`)} as safe
  from (
    select
      ${own}::pg_catalog.text as own,
      pg_catalog.string_agg(pg_catalog.quote_ident(n.nspname::pg_catalog.text), ', ' order by s.place)
        filter (where ${sql.raw(isTrusted)}) as trusted,
      ${control} as control
    from ${path} s (name, place)
    join pg_catalog.pg_namespace n on n.nspname operator(pg_catalog.=) s.name
    join pg_catalog.pg_database d on d.datname operator(pg_catalog.=) pg_catalog.current_database()
  ) schemas
) paths`

interface Place {
  readonly own: RawBuilder<unknown>
  readonly path: RawBuilder<unknown>
  readonly control: RawBuilder<unknown>
}

/** The schemas of the role's path; our tables are in the first that has them. */
const ofRole: Place = {
  own: sql`coalesce(pg_catalog.array_agg(n.nspname::pg_catalog.text order by s.place)::pg_catalog.text, '{}')`,
  path: sql`pg_catalog.unnest(pg_catalog.current_schemas(false)) with ordinality`,
  control: sql`(
        pg_catalog.array_agg(pg_catalog.quote_ident(n.nspname::pg_catalog.text) order by s.place)
          filter (
            where exists (
              select
              from pg_catalog.pg_class c
              where c.relnamespace operator(pg_catalog.=) n.oid
                and c.relname operator(pg_catalog.=) 'etl_control'::pg_catalog.name
            )
          )
      )[1]`,
}

/** Names are looked up in this schema alone; what triggers and operators need stays on the path behind it. */
const ofSchema = (schema: string): Place => ({
  own: sql`array[${schema}::pg_catalog.text]`,
  path: sql`(
      select ${schema}::pg_catalog.name as name, 0::pg_catalog.int8 as place
      union all
      select p.name, p.place
      from pg_catalog.unnest(pg_catalog.current_schemas(false)) with ordinality p (name, place)
      where p.name operator(pg_catalog.<>) ${schema}::pg_catalog.name
    )`,
  control: sql`pg_catalog.quote_ident(${schema}::pg_catalog.text)`,
})

/**
 * Temporary tables of the target are ours; those of a source behind a pooler may be another client's. `schema` is the one of our tables where
 * the options name it.
 */
export function pathsOf(side: Side, schema: string | undefined): RawBuilder<unknown> {
  const place = schema === undefined ? ofRole : ofSchema(schema)
  return side === 'source'
    ? pathsWith(`'pg_catalog', schemas.trusted, 'pg_temp'`, place)
    : pathsWith(`'pg_catalog', 'pg_temp', schemas.trusted`, place)
}
