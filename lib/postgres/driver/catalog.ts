import { sql } from 'kysely'

import { SyncError } from '../../domain/errors.js'
import type { Cells, Session } from './session.js'
import { compile } from './statement.js'

export interface Column {
  readonly name: string
  /** As PostgreSQL writes it, with its modifier: `character varying(50)`. */
  readonly type: string
}

/** A table or view as the catalog knows it. */
export interface Relation {
  readonly schema: string
  readonly name: string
  /** In order; those that the role may read. */
  readonly columns: readonly Column[]
  /** Names of columns that the role may not read. */
  readonly forbidden: readonly string[]
  /** Names of columns that may not be NULL. */
  readonly required: readonly string[]
  /** Columns that alone form a unique key: of a whole, valid index that is checked at once. */
  readonly uniqueColumns: readonly string[]
  /** Rows as the planner estimates them; null for a view and for a table that was never analysed. */
  readonly estimatedRows: number | null
}

/**
 * Looks a relation up by its name as SQL writes it: `analytics."My view"`, quoted where it has to be, else found by search_path.
 * Undefined when there is none.
 */
export async function describeRelation(session: Session, name: string): Promise<Relation | undefined> {
  return toRelation(await session.rows(lookUp(name)))
}

/** As `describeRelation`, for the source: throws RELATION_MISSING or, for a name that cannot be one, CONFIG_INVALID. */
export async function describeSource(source: Session, name: string): Promise<Relation> {
  return requireSource(
    await describeRelation(source, name).catch((error: unknown) => {
      throw isBadName(error) ? badName('relation.name', name) : error
    }),
    name,
  )
}

/** As `describeRelation`, for the target: throws TARGET_NOT_MIGRATED or CONFIG_INVALID. */
export async function describeTarget(target: Session, name: string): Promise<Relation> {
  return requireTarget(
    await describeRelation(target, name).catch((error: unknown) => {
      throw isBadName(error) ? badName('table', name) : error
    }),
    name,
  )
}

export function requireSource(relation: Relation | undefined, name: string): Relation {
  if (relation) return relation
  throw new SyncError('RELATION_MISSING', `The source has no relation ${name}.`, {
    remedy: 'Correct relation.name, with its schema; quote it where SQL would need it.',
  })
}

export function requireTarget(table: Relation | undefined, name: string): Relation {
  if (table) return table
  throw new SyncError('TARGET_NOT_MIGRATED', `The target has no table ${name}.`, {
    remedy: 'Run chatwoot-sync migrate.',
  })
}

/** The relation of the row that `lookUp` gives. */
export function toRelation([row]: readonly Cells[]): Relation | undefined {
  if (!row) return undefined
  const [schema, table, columns, uniqueColumns, estimate] = row
  const described: { name: string; type: string; readable: boolean; required: boolean }[] = JSON.parse(
    columns ?? '[]',
  )
  return {
    schema: schema ?? '',
    name: table ?? '',
    columns: described.flatMap((column) =>
      column.readable ? [{ name: column.name, type: column.type }] : [],
    ),
    forbidden: described.flatMap((column) => (column.readable ? [] : [column.name])),
    required: described.flatMap((column) => (column.required ? [column.name] : [])),
    uniqueColumns: JSON.parse(uniqueColumns ?? '[]'),
    estimatedRows: estimate === null || Number(estimate) < 0 ? null : Number(estimate),
  }
}

function isBadName(error: unknown): boolean {
  return error instanceof SyncError && ['42601', '42602', '0A000'].includes(String(error.details['sqlState']))
}

function badName(option: string, name: string): SyncError {
  return new SyncError('CONFIG_INVALID', `${option} is ${JSON.stringify(name)}, which is not a name.`, {
    remedy: 'Write it as in SQL: schema.name, quoted where it needs it.',
  })
}

/** Everything about a relation that `toRelation` reads. */
export const lookUp = (name: string) =>
  compile(sql`
  select
    n.nspname::text,
    c.relname::text,
    (
      select jsonb_agg(
        jsonb_build_object(
          'name', a.attname,
          'type', format_type(a.atttypid, a.atttypmod),
          'required', a.attnotnull,
          'readable', has_column_privilege(c.oid, a.attnum, 'select')
        )
        order by a.attnum
      )
      from pg_attribute a
      where a.attrelid = c.oid
        and a.attnum > 0
        and not a.attisdropped
    )::text,
    (
      select coalesce(jsonb_agg(a.attname), '[]'::jsonb)
      from pg_index i
      join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
      where i.indrelid = c.oid
        and i.indisunique
        and i.indisvalid
        and i.indimmediate
        and i.indpred is null
        and i.indnkeyatts = 1
    )::text,
    case when c.relkind in ('r', 'm', 'f') then c.reltuples::bigint::text end
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  where c.oid = to_regclass(${name}::text)
    and c.relkind in ('r', 'p', 'v', 'm', 'f')`)
