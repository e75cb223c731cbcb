import { sql, type RawBuilder } from 'kysely'

import type { Session, Side } from './session.js'
import { compile } from './statement.js'

/** The setting in which a transaction finds the path that the role itself has: the names of schemas, as an array. */
export const ownPathSetting = 'chatwoot_sync.own_path'

/** The setting in which it finds the seed of the keys of our locks. */
export const lockSeedSetting = 'chatwoot_sync.lock_seed'

/**
 * Whether nobody can have planted anything in the schema `n`: not everybody may create in it, as by default up to PostgreSQL 14, and no
 * function or operator in it belongs to a role that may not. Of two functions that fit, the one with the types of the arguments wins, in
 * whichever schema of the path it is: only leaving the schema out of the path helps. Owners are listed for all but the first superuser,
 * who may create anywhere. Each name and operator is qualified, as this is run under the path that is in question.
 */
export const isTrusted = `
      not pg_catalog.has_schema_privilege('public'::pg_catalog.name, n.oid, 'create'::pg_catalog.text)
      and not exists (
        select 1
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
 * The path of the role, what of it is safe, the schema of our tables and the seed of the keys of our locks, as a row
 * `paths (own, safe, control, lock_seed)`; for a from clause. Two tenants in one database do not block each other, as the seed is the object
 * id of the schema; in `public` it is 0, as in releases before there was a choice. Where there are no tables nothing can be locked, and the
 * key is nobody else's.
 */
const pathsWith = (schemas: string, { own, path, isControl, otherwise }: Place) => sql`(
  select
    schemas.own,
    coalesce(schemas.control, ${otherwise}) as control,
    coalesce(schemas.lock_seed, '1') as lock_seed,
    ${sql.raw(`pg_catalog.concat_ws(', ', ${schemas})`)} as safe
  from (
    select
      ${own}::pg_catalog.text as own,
      pg_catalog.string_agg(pg_catalog.quote_ident(n.nspname::pg_catalog.text), ', ' order by s.place)
        filter (where ${sql.raw(isTrusted)}) as trusted,
      (
        pg_catalog.array_agg(pg_catalog.quote_ident(n.nspname::pg_catalog.text) order by s.place)
          filter (where ours.is_control)
      )[1] as control,
      (
        pg_catalog.array_agg(case when n.nspname operator(pg_catalog.=) 'public'::pg_catalog.name then '0' else n.oid::pg_catalog.text end order by s.place)
          filter (where ours.is_control)
      )[1] as lock_seed
    from ${path} s (name, place)
    join pg_catalog.pg_namespace n on n.nspname operator(pg_catalog.=) s.name
    join pg_catalog.pg_database d on d.datname operator(pg_catalog.=) pg_catalog.current_database()
    cross join lateral (select ${isControl} as is_control) ours
  ) schemas
) paths`

interface Place {
  readonly own: RawBuilder<unknown>
  readonly path: RawBuilder<unknown>
  /** Whether the schema `n` is that of our tables. */
  readonly isControl: RawBuilder<unknown>
  /** The name of it, as SQL writes it, where there is none. */
  readonly otherwise: RawBuilder<unknown>
}

/** The schemas of the role's path; our tables are in the first that has them. */
const ofRole: Place = {
  own: sql`coalesce(pg_catalog.array_agg(n.nspname::pg_catalog.text order by s.place)::pg_catalog.text, '{}')`,
  path: sql`pg_catalog.unnest(pg_catalog.current_schemas(false)) with ordinality`,
  isControl: sql`exists (
        select 1
        from pg_catalog.pg_class c
        where c.relnamespace operator(pg_catalog.=) n.oid
          and c.relname operator(pg_catalog.=) 'etl_control'::pg_catalog.name
      )`,
  otherwise: sql`''`,
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
  isControl: sql`n.nspname operator(pg_catalog.=) ${schema}::pg_catalog.name`,
  otherwise: sql`pg_catalog.quote_ident(${schema}::pg_catalog.text)`,
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

/** A name in quotes, as every statement and `to_regclass` read it. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** Where a table is. */
export interface TableName {
  readonly schema: string
  readonly name: string
}

/** The name of a table with its schema. */
export const qualified = ({ schema, name }: TableName): string => `${quoted(schema)}.${quoted(name)}`

/** The parts of a name as SQL writes it, such as `analytics."My view"`; undefined for a text that is none. */
export function nameParts(name: string): readonly string[] | undefined {
  const part = /\s*(?:"((?:[^"]|"")+)"|([a-z_\u0080-\uffff][\w$\u0080-\uffff]*))\s*(\.|$)/iy
  const parts: string[] = []
  for (let end = '.'; end === '.';) {
    const [, quotedName, plainName, next] = part.exec(name) ?? []
    const found =
      quotedName?.replaceAll('""', '"') ?? plainName?.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
    if (found === undefined || next === undefined) return undefined
    parts.push(found)
    end = next
  }
  return parts
}

/** The name of a table, as SQL writes it, with the schema that the options name where the name itself has none. */
export function tableIn(schema: string | undefined, table: string): string {
  const [name, ...others] = nameParts(table) ?? []
  if (schema === undefined || name === undefined || others.length > 0) return table
  return qualified({ schema, name })
}

/** The schemas of the role's own path as `own (schema, place)`, for a from clause; where the options name a schema, that one. */
export const ownPath = sql`unnest(nullif(current_setting(${sql.lit(ownPathSetting)}, true), '')::text[]) with ordinality own (schema, place)`

/** The first schema of the role's own path, as `current_schema` returns it there; where the options name a schema, that one. */
export const ownSchema = sql<
  string | null
>`(nullif(current_setting(${sql.lit(ownPathSetting)}, true), '')::text[])[1]`

/**
 * A relation by its bare name, such as one of our own tables in the target: in the schema that the options name, and nowhere else, or else
 * where the path of the role finds it. NULL where there is none.
 */
export const ownRelation = (name: RawBuilder<unknown>): RawBuilder<string | null> => sql`(
    select to_regclass(quote_ident(own.schema) || '.' || ${name})
    from ${ownPath}
    where to_regclass(quote_ident(own.schema) || '.' || ${name}) is not null
    order by own.place
    limit 1
  )`

/** The name of the schema in which our tables are; NULL where they are nowhere. */
export const schemaOfControl: RawBuilder<string | null> = sql`(
    select n.nspname::text
    from ${ownPath}
    join pg_namespace n on n.nspname = own.schema
    join pg_class c on c.relnamespace = n.oid and c.relname = 'etl_control'
    order by own.place
    limit 1
  )`

/** One of our functions in the target as a row `p` of `pg_proc`, for a from clause; no row where there is none. */
export const ownFunction = (name: string): RawBuilder<unknown> => sql`(
    select p.*
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    where p.proname = ${sql.lit(name)}
      and n.nspname = ${schemaOfControl}
  ) p`

/** Whether our tables are there. */
export async function hasControl(target: Session): Promise<boolean> {
  const [row] = await target.rows(
    compile(sql<{ schema: string | null }>`select ${schemaOfControl} as schema`),
  )
  return typeof row?.schema === 'string'
}

/** The seed of the keys of our locks, as `pathsOf` has found it. */
export const lockSeed = sql<string>`coalesce(nullif(current_setting(${sql.lit(lockSeedSetting)}, true), ''), '1')::bigint`
