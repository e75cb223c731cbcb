import { sql, type RawBuilder } from 'kysely'

import { ownPathSetting } from './pinned-settings.js'
import type { Session } from './session.js'
import { compile } from './statement.js'

/** A name in quotes, as every statement and `to_regclass` read it. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** The name of a table with its schema. */
export const qualified = ({ schema, name }: { readonly schema: string; readonly name: string }): string =>
  `${quoted(schema)}.${quoted(name)}`

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

const ownPath = sql`unnest(current_setting(${sql.lit(ownPathSetting)})::text[]) with ordinality own (schema, place)`

/** The first schema of the role's own path, as `current_schema` returns it there; where the options name a schema, that one. */
export const ownSchema = sql<string | null>`(current_setting(${sql.lit(ownPathSetting)})::text[])[1]`

/**
 * One of our own tables in the target, by its bare name: in the schema that the options name, and nowhere else, or else where the path of
 * the role finds it. NULL where there is none.
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

/** Whether our tables are there. */
export async function hasControl(target: Session): Promise<boolean> {
  const [row] = await target.rows(
    compile(sql<{ schema: string | null }>`select ${schemaOfControl} as schema`),
  )
  return typeof row?.schema === 'string'
}

/**
 * The seed of the keys of our locks: the schema of our tables, so that two in one database do not block each other. For `public` it is 0, as
 * in releases before there was a choice. Where there are no tables nothing can be locked, and the key is nobody else's.
 */
export const lockSeed: RawBuilder<string> = sql`coalesce(
    (
      select case n.nspname when 'public' then 0 else n.oid::bigint end
      from pg_namespace n
      where n.nspname = ${schemaOfControl}
    ),
    1
  )`
