import { sql, type CompiledQuery } from 'kysely'

import { relationNamed } from '../driver/catalog.js'
import { compile } from '../driver/statement.js'

/** What makes a relation the one that an earlier run has read, beyond its name. */
export interface RelationIdentity {
  readonly oid: string
  /** Its file, which TRUNCATE, a refresh, and whatever rewrites a table replace; null for what has none, as a view. */
  readonly file: string | null
  /** A hash of what a view selects, of the functions that it calls, and of the row security of a table. */
  readonly definition: string
  readonly kind: 'table' | 'view' | 'materialized view' | 'foreign table'
  /** It is a partition of another one, or inherits from it. */
  readonly isPart: boolean
  /** It is a materialized view with the index that a refresh needs to keep the file. */
  readonly isRefreshedInPlace: boolean
}

/** By name, with its schema, quoted where SQL needs it. */
export type RelationIdentities = Readonly<Record<string, RelationIdentity>>

interface IdentityRow {
  readonly name: string
  readonly oid: string
  readonly file: string | null
  readonly definition: string
  readonly kind: RelationIdentity['kind']
  readonly is_part: boolean
  readonly is_refreshed_in_place: boolean
}

const kind = sql.raw(`
    case c.relkind
      when 'v' then 'view'
      when 'm' then 'materialized view'
      when 'f' then 'foreign table'
      else 'table'
    end`)

/** A hash of what the relation `c` selects and of the rows that it shows. */
const definition = sql.raw(`
  md5(concat_ws(
    '/',
    (
      select string_agg(w.ev_action::text, '/')
      from pg_rewrite w
      where w.ev_class = c.oid
        and w.rulename = '_RETURN'
    ),
    (
      select string_agg(distinct concat_ws('/', f.oid, f.prosrc, to_jsonb(f) ->> 'prosqlbody'), '/')
      from pg_rewrite w
      join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
      join pg_proc f on d.refclassid = 'pg_proc'::regclass and f.oid = d.refobjid
      where w.ev_class = c.oid
    ),
    c.relrowsecurity::text || c.relforcerowsecurity::text,
    (
      select string_agg(concat_ws('/', p.polname, p.polcmd, p.polpermissive, p.polroles, p.polqual), '/' order by p.polname)
      from pg_policy p
      where p.polrelid = c.oid
    )
  ))`)

/** The identity of tables by their names, and of nothing below them, which costs a tenth of `identityQuery`. */
export const tableIdentityQuery = (names: readonly string[]): CompiledQuery<IdentityRow> =>
  compile(sql<IdentityRow>`
  select
    wanted.name,
    c.oid::text as oid,
    pg_relation_filenode(c.oid)::text as file,
    '' as definition,
    ${kind} as kind,
    false as is_part,
    false as is_refreshed_in_place
  from json_array_elements_text(${JSON.stringify(names)}::json) wanted (name)
  join pg_class c on c.oid = ${relationNamed(sql`wanted.name`)}`)

/**
 * The identity of a relation, by its name as SQL writes it, and of all that it is made of: the relations that a view selects from, and the
 * partitions of a table. It costs the same however many rows they have, and any role may ask it.
 */
export const identityQuery = (relation: string): CompiledQuery<IdentityRow> =>
  compile(sql<IdentityRow>`
  with recursive
    found (oid, is_part) as (
      select ${relationNamed(sql`${relation}::text`)}::oid, false

      union

      select below.oid, below.is_part
      from found
      cross join lateral (
        select d.refobjid as oid, false as is_part
        from pg_rewrite w
        join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
        where w.ev_class = found.oid
          and w.rulename = '_RETURN'
          and d.refclassid = 'pg_class'::regclass
          and d.refobjid <> found.oid

        union all

        select inhrelid, true
        from pg_inherits
        where inhparent = found.oid
      ) below
    ),
    relations as (
      select oid, bool_or(is_part) as is_part
      from found
      group by oid
    )
  select
    format('%I.%I', n.nspname, c.relname) as name,
    c.oid::text as oid,
    pg_relation_filenode(c.oid)::text as file,
    ${definition} as definition,
    ${kind} as kind,
    relations.is_part,
    c.relkind = 'm' and exists (
      select
      from pg_index i
      where i.indrelid = c.oid
        and i.indisunique
        and i.indisvalid
        and i.indpred is null
        and i.indexprs is null
    ) as is_refreshed_in_place
  from relations
  join pg_class c on c.oid = relations.oid
  join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'f')
  order by c.oid`)

export function toIdentities(rows: readonly IdentityRow[]): RelationIdentities {
  return Object.fromEntries(
    rows.map(({ name, is_part: isPart, is_refreshed_in_place: isRefreshedInPlace, ...rest }) => [
      name,
      { ...rest, isPart, isRefreshedInPlace },
    ]),
  )
}
