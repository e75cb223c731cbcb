import { sql, type CompiledQuery, type RawBuilder } from 'kysely'

import { SyncError } from '../../domain/errors.js'
import { migrateCommand } from '../../domain/migrate-command.js'
import { nameParts, ownRelation, qualified } from './search-path.js'
import type { Session, Side } from './session.js'
import { compile } from './statement.js'
import { columnTypeOf, type ColumnType, type TypeRow } from './types/column-type.js'
import { usedTypes } from './types/used-types.js'
import {
  hasTriggersOfRelation,
  isDistributedRelation,
  keyRulesOfRelation,
  type KeyRule,
  type WritingRules,
} from './writing-rules.js'

export interface Column {
  readonly name: string
  /** As PostgreSQL writes it, with its modifier: `character varying(50)`. For messages, and to see that it changed. */
  readonly type: string
  /** What it is below every domain: whatever is decided by a type is decided by this. */
  readonly definition: ColumnType
}

/** A table or view as the catalog describes it. */
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
  /** What happens to rows that are written to it. */
  readonly writing: WritingRules
  /** Rows as the planner estimates them; null for a view and for a table that was never analysed. */
  readonly estimatedRows: number | null
}

/** What `relationQuery` returns: lists as JSON. */
export interface RelationRow {
  readonly schema: string
  readonly name: string
  readonly columns: string | null
  /** The types of the user that the columns are made of; null without any. */
  readonly types: string | null
  readonly key_rules: string
  readonly has_triggers: boolean
  readonly is_distributed: boolean
  readonly estimated_rows: string | null
}

/**
 * Looks a relation up by its name as SQL writes it: `analytics."My view"`, quoted where it has to be, else found by search_path.
 * Undefined when there is none.
 */
export async function describeRelation(session: Session, name: string): Promise<Relation | undefined> {
  return toRelation(await session.rows(relationQuery(name)))
}

/** As `describeRelation`, for the source: throws RELATION_MISSING or, for a name that cannot be one, CONFIG_INVALID. */
export async function describeSource(source: Session, name: string): Promise<Relation> {
  return requireSource(
    await describeRelation(source, name).catch((error: unknown) => {
      throw isInvalidName(error) ? invalidName('relation.name', name) : error
    }),
    name,
  )
}

/** As `describeRelation`, for the target: throws TARGET_NOT_MIGRATED or CONFIG_INVALID. */
export async function describeTarget(target: Session, name: string): Promise<Relation> {
  return requireTarget(
    target,
    await describeRelation(target, name).catch((error: unknown) => {
      throw isInvalidName(error) ? invalidName('table', name) : error
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

export function requireTarget(
  { schema }: Pick<Session, 'schema'>,
  table: Relation | undefined,
  name: string,
): Relation {
  if (table) return table
  const isOurs = nameParts(name)?.at(-1) === 'conversas_analytics'
  throw new SyncError('TARGET_NOT_MIGRATED', `The target has no table ${name}.`, {
    remedy: isOurs ? `Run ${migrateCommand(schema)}.` : 'Create it, or correct its name (--table).',
  })
}

/** The relation that `relationQuery` found. */
export function toRelation([row]: readonly RelationRow[]): Relation | undefined {
  if (!row) return undefined
  const { schema, name, columns, estimated_rows: estimate } = row
  const described: DescribedColumn[] = JSON.parse(columns ?? '[]')
  const listed: TypeRow[] = JSON.parse(row.types ?? '[]')
  const types = new Map(listed.map((type) => [type.oid, type]))
  const definitionOf = ({ oid, modifier, type, bare }: DescribedColumn) =>
    columnTypeOf(types, { oid, modifier, full: type, bare: bare ?? type })
  const keyRules: KeyRule[] = JSON.parse(row.key_rules)
  return {
    schema,
    name,
    columns: described.flatMap((column) =>
      column.readable ? [{ name: column.name, type: column.type, definition: definitionOf(column) }] : [],
    ),
    forbidden: described.flatMap((column) => (column.readable ? [] : [column.name])),
    required: described.flatMap((column) => (column.rules.required ? [column.name] : [])),
    uniqueColumns: keyColumnsOf(keyRules.filter(({ beside }) => beside.length === 0)),
    writing: {
      keys: keyRules,
      generated: described.flatMap((column) => (column.rules.generated ? [column.name] : [])),
      identities: described.flatMap((column) => (column.rules.identity ? [column.name] : [])),
      hasTriggers: row.has_triggers,
      isDistributed: row.is_distributed,
    },
    estimatedRows: estimate === null || Number(estimate) < 0 ? null : Number(estimate),
  }
}

/** Columns that can be the key of a load: those that are unique alone, and those beside the columns by which the table is partitioned. */
export const keyColumnsOf = (rules: readonly KeyRule[]): readonly string[] => [
  ...new Set(rules.map(({ column }) => column)),
]

interface DescribedColumn {
  readonly name: string
  readonly type: string
  readonly oid: number
  readonly modifier: number
  /** The type without its modifier; null where it has none. */
  readonly bare: string | null
  readonly readable: boolean
  readonly rules: { readonly required: boolean; readonly generated: boolean; readonly identity: boolean }
}

function isInvalidName(error: unknown): boolean {
  return (
    error instanceof SyncError &&
    ['22023', '42601', '42602', '0A000'].includes(String(error.details['sqlState']))
  )
}

function invalidName(option: string, name: string): SyncError {
  return new SyncError('CONFIG_INVALID', `${option} is ${JSON.stringify(name)}, which is not a name.`, {
    remedy: 'Write it as in SQL: schema.name, quoted where it needs it.',
  })
}

/** Everything about a relation that `toRelation` reads; no row when there is none of that name. */
export const relationQuery = (name: string): CompiledQuery<RelationRow> =>
  describe(name, {
    keyRules: keyRulesOfRelation,
    hasTriggers: hasTriggersOfRelation,
    isDistributed: isDistributedRelation,
  })

/** The same without what happens to written rows, for what is only read and for a check that is part of each commit. */
export const columnsQuery = (name: string): CompiledQuery<RelationRow> =>
  describe(name, { keyRules: sql`'[]'`, hasTriggers: sql`false`, isDistributed: sql`false` })

const describe = (
  name: string,
  rules: Readonly<Record<'keyRules' | 'hasTriggers' | 'isDistributed', RawBuilder<unknown>>>,
): CompiledQuery<RelationRow> =>
  compile(sql<RelationRow>`
  select
    n.nspname::text as schema,
    c.relname::text as name,
    (
      select json_agg(
        json_build_object(
          'name', a.attname,
          'type', format_type(a.atttypid, a.atttypmod),
          'oid', a.atttypid::bigint,
          'modifier', a.atttypmod,
          'bare', case when a.atttypmod <> -1 then format_type(a.atttypid, -1) end,
          'rules', json_build_object(
            'required', a.attnotnull,
            'generated', a.attgenerated <> '',
            'identity', a.attidentity = 'a'
          ),
          'readable', (select has_table_privilege(c.oid, 'select')) or has_column_privilege(c.oid, a.attnum, 'select')
        )
        order by a.attnum
      )
      from pg_attribute a
      where a.attrelid = c.oid
        and a.attnum > 0
        and not a.attisdropped
    )::text as columns,
    ${usedTypes} as types,
    ${rules.keyRules}::text as key_rules,
    ${rules.hasTriggers} as has_triggers,
    ${rules.isDistributed} as is_distributed,
    case when c.relkind in ('r', 'm', 'f') then c.reltuples::bigint::text end as estimated_rows
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  where c.oid = ${relationNamed(sql`${name}::text`)}
    and c.relkind in ('r', 'p', 'v', 'm', 'f')`)

/**
 * The relation that a name means under the path of the role, as `to_regclass` finds it; the path of our own statements may lack its schema.
 * `name` is an expression of type text: a name as SQL writes it, quoted where it has to be.
 */
export function relationNamed(name: RawBuilder<unknown>): RawBuilder<string | null> {
  return sql`coalesce(
    case when cardinality(parse_ident(${name}, false)) = 1 then ${ownRelation(name)} end,
    to_regclass(${name})
  )`
}

/** Which of these names, as SQL writes them, are relations that the connection finds. */
export async function existingRelations(
  session: Session,
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await session.rows(
    compile(sql<{ name: string }>`
      select wanted.name
      from json_array_elements_text(${JSON.stringify(names)}::json) wanted (name)
      where ${relationNamed(sql`wanted.name`)} is not null`),
  )
  return new Set(rows.map(({ name }) => name))
}

/** The name of a table or view in a statement, with its schema. */
export const tableOf = ({ schema, name }: Pick<Relation, 'schema' | 'name'>) => sql.id(schema, name)

/** Types by `relation.column`: what a statement was built for. */
export type Shape = ReadonlyMap<string, string>

export function shapeOf({ name, columns }: Pick<Relation, 'name' | 'columns'>): Shape {
  return new Map(columns.map((column) => [`${name}.${column.name}`, column.type]))
}

/** How the columns changed, in words. */
export function changesBetween(before: Shape, after: Shape): string[] {
  const changed = [...before].flatMap(([name, type]) => {
    const now = after.get(name)
    if (now === undefined) return [`${name} no longer exists`]
    return now === type ? [] : [`${name} was ${type} and is ${now}`]
  })
  const added = [...after.keys()].filter((name) => !before.has(name)).map((name) => `${name} is new`)
  return [...changed, ...added]
}

export function schemaChanged(side: Side, changes: readonly string[], cause?: unknown): SyncError {
  return new SyncError('SCHEMA_CHANGED', `The ${side} changed during the run: ${changes.join('; ')}.`, {
    remedy: 'Run it again: nothing of the current batch was written, and the next run reads the new schema.',
    details: { changes },
    cause,
  })
}

/** Checks the target's table within the transaction that has written to it, which locks its columns until the commit. */
export interface ColumnGuard {
  readonly query: CompiledQuery<RelationRow>
  /** Throws SCHEMA_CHANGED for the rows of `query` when a column that is written was changed or dropped. */
  check(rows: readonly RelationRow[]): void
}

/**
 * Without it a column that became narrower between two batches would truncate values without a word, and the binary form of one type would be
 * read as another.
 */
export function guardColumns(written: Pick<Relation, 'schema' | 'name' | 'columns'>): ColumnGuard {
  const before = shapeOf(written)
  return {
    query: columnsQuery(qualified(written)),
    check: (rows) => {
      const now = toRelation(rows)
      const after = now ? [...shapeOf(now)].filter(([name]) => before.has(name)) : []
      const changes = changesBetween(before, new Map(after))
      if (changes.length > 0) throw schemaChanged('target', changes)
    },
  }
}
