import { sql, type CompiledQuery } from 'kysely'

import { relationNamed, schemaChanged } from '../driver/catalog.js'
import type { Session } from '../driver/session.js'
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
      select 1
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

/**
 * Why stamps can't show what changed since the run that left `before`, so that everything has to be read: a relation was replaced, rewritten
 * or defined anew. Undefined where they can. VACUUM FULL looks like TRUNCATE and a load of the same rows, and costs one full load.
 */
export function untracedChange(
  before: RelationIdentities | undefined,
  now: RelationIdentities,
): string | undefined {
  const unseen = Object.entries(now).find(([, identity]) => isWithoutTrace(identity))
  if (unseen) return `${unseen[0]} is a ${unseen[1].kind}, whose changes no stamp shows`
  return before && replacedRelation(before, now)
}

/** Which of the relations is no longer the one that it was, in words. */
export function replacedRelation(before: RelationIdentities, now: RelationIdentities): string | undefined {
  const changed = Object.entries(before).flatMap(([name, past]) => changeOf(name, past, now[name]) ?? [])
  const added = Object.keys(now).filter((name) => !before[name] && !isReadWhole(name, now))
  return [...changed, ...added.map((name) => `${name} was added below the relation`)][0]
}

/** The same but for files, as VACUUM FULL in the middle of a run is left to the next one. */
export function redefinedRelation(before: RelationIdentities, now: RelationIdentities): string | undefined {
  const withFileOf = ([name, identity]: [string, RelationIdentity]) =>
    [name, { ...identity, file: before[name]?.file ?? identity.file }] as const
  return replacedRelation(before, Object.fromEntries(Object.entries(now).map(withFileOf)))
}

/** Whether nothing shows a change: a refresh in place leaves no trace, and another server has transactions of its own. */
export const isWithoutTrace = ({ kind, isRefreshedInPlace }: RelationIdentity): boolean =>
  kind === 'foreign table' || isRefreshedInPlace

/** Object ids of the partitions that an earlier run did not know: all their rows are read, whatever their stamps are. */
export function newParts(before: RelationIdentities | undefined, now: RelationIdentities): readonly string[] {
  if (!before) return []
  return Object.entries(now).flatMap(([name, { oid }]) =>
    !before[name] && isReadWhole(name, now) ? [oid] : [],
  )
}

/** Names of the partitions that are gone, and their rows with them. */
export function lostParts(
  before: RelationIdentities | undefined,
  now: RelationIdentities,
): readonly string[] {
  return Object.entries(before ?? {}).flatMap(([name, { isPart }]) => (isPart && !now[name] ? [name] : []))
}

function changeOf(
  name: string,
  past: RelationIdentity,
  present: RelationIdentity | undefined,
): string | undefined {
  if (!present) return past.isPart ? undefined : `${name} is no longer part of the relation`
  if (present.oid !== past.oid) return `${name} is another ${present.kind} than the one of that name before`
  if (present.definition !== past.definition) return `the definition of ${name} changed`
  if (present.file === past.file) return undefined
  return `${name} was ${present.kind === 'materialized view' ? 'refreshed' : 'truncated or rewritten'}`
}

/** Below a view the rows of a partition can't be distinguished from the others. */
function isReadWhole(name: string, now: RelationIdentities): boolean {
  return now[name]?.isPart === true && Object.values(now).every(({ kind }) => kind === 'table')
}

/** A table as a statement names it; without a schema it is found by search_path. */
export interface NamedTable {
  readonly schema?: string
  readonly name: string
}

/**
 * Reads no row of the tables and locks each as a SELECT does, until the transaction ends: nobody can change their columns meanwhile.
 * Names are resolved as in the statements that read them.
 */
function lockQuery(tables: readonly NamedTable[]): CompiledQuery {
  const parts = tables.map(
    ({ schema, name }) =>
      sql`select null::integer as nothing from ${schema === undefined ? sql.id(name) : sql.id(schema, name)} where false`,
  )
  return compile(sql.join(parts, sql` union all `))
}

interface RewrittenRow {
  readonly rewritten: string
}

/**
 * Tables and indexes that this transaction has locked and that were rewritten since its snapshot. TRUNCATE and an ALTER TABLE that rewrites
 * are not transactional for older snapshots: these see an empty table. The catalog as of the snapshot has the old file, the function
 * returns the one of now. To be run once everything that will be read is locked.
 */
const rewrittenTables: CompiledQuery<RewrittenRow> = compile(sql<RewrittenRow>`
  select coalesce(string_agg(distinct l.relation::regclass::text, ', '), '')::text as rewritten
  from pg_locks l
  left join pg_class c on c.oid = l.relation
  where l.pid = pg_backend_pid()
    and l.locktype = 'relation'
    and l.database = (select oid from pg_database where datname = current_database())
    -- Below are the relations of the catalog itself.
    and l.relation >= 16384
    and (c.oid is null or nullif(c.relfilenode, 0) is distinct from pg_relation_filenode(l.relation))`)

/** For a caller who shares the round trip: `requireNotRewritten` checks the rows of the second. */
export const lockQueries = (tables: readonly NamedTable[]) => [lockQuery(tables), rewrittenTables] as const

/**
 * Makes sure, in the open snapshot, that what is read from now on is what the snapshot saw: a table that was rewritten since would look empty.
 * From here to the end of the transaction nobody can change it. Throws SCHEMA_CHANGED.
 */
export async function lockTables(source: Session, tables: readonly NamedTable[]): Promise<void> {
  const [, rewritten] = await source.together(lockQueries(tables))
  requireNotRewritten(rewritten)
}

/** Throws SCHEMA_CHANGED for the row of `lockQueries` when it names any table: read now, it would look empty. */
export function requireNotRewritten([row]: readonly RewrittenRow[]): void {
  if (row?.rewritten) throw schemaChanged('source', [`rewritten: ${row.rewritten}`])
}
