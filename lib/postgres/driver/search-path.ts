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
 * clause.
 */
const pathsWith = (schemas: string) => `(
  select
    schemas.own,
    coalesce(schemas.control, '') as control,
    pg_catalog.concat_ws(', ', ${schemas}) as safe
  from (
    select
      coalesce(pg_catalog.array_agg(n.nspname::pg_catalog.text order by s.place)::pg_catalog.text, '{}') as own,
      pg_catalog.string_agg(pg_catalog.quote_ident(n.nspname::pg_catalog.text), ', ' order by s.place)
        filter (where ${isTrusted}) as trusted,
      (
        pg_catalog.array_agg(pg_catalog.quote_ident(n.nspname::pg_catalog.text) order by s.place)
          filter (
            where exists (
              select
              from pg_catalog.pg_class c
              where c.relnamespace operator(pg_catalog.=) n.oid
                and c.relname operator(pg_catalog.=) 'etl_control'::pg_catalog.name
            )
          )
      )[1] as control
    from pg_catalog.unnest(pg_catalog.current_schemas(false)) with ordinality s (name, place)
    join pg_catalog.pg_namespace n on n.nspname operator(pg_catalog.=) s.name
    join pg_catalog.pg_database d on d.datname operator(pg_catalog.=) pg_catalog.current_database()
  ) schemas
) paths`

/** Temporary tables of the target are ours; those of a source behind a pooler may be another client's. */
export const pathsOf: Readonly<Record<Side, string>> = {
  source: pathsWith(`'pg_catalog', schemas.trusted, 'pg_temp'`),
  target: pathsWith(`'pg_catalog', 'pg_temp', schemas.trusted`),
}
