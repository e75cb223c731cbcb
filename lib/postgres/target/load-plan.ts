import { sql, type RawBuilder } from 'kysely'

import { SyncError } from '../../domain/errors.js'
import type { Column, Relation } from '../driver/catalog.js'
import { identifier } from '../driver/identifier.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'
import { isBuiltIn, isOneOf, plainText, type ColumnType, type TypeKind } from '../driver/types/column-type.js'
import type { Comparison } from '../driver/types/comparison.js'
import type { KeyRule } from '../driver/writing-rules.js'

/** Where rows go, and which columns. */
export interface LoadPlan {
  readonly table: Relation
  readonly key: string
  /** Columns that are written, the key among them, in the order of the cells. */
  readonly columns: readonly Column[]
  /** Which rows of the table belong to this pipeline, by the values of columns; others are left alone. Empty for all of them. */
  readonly scope: readonly { readonly column: string; readonly values: readonly number[] }[]
  /** The column of the target that holds the change stamp. */
  readonly changedAt: ChangeStamp | undefined
  /** How the values of columns that have another type in the source are compared, by name. */
  readonly conversions: ReadonlyMap<string, Comparison>
  /** Names of the columns that could change a value of the source without a word; a row of such a value is rejected. */
  readonly lossy: readonly string[]
  /** Names of columns whose difference alone is no change; undefined for none. */
  readonly ignored?: readonly string[] | undefined
}

export interface ChangeStamp {
  readonly column: string
  /** Its time zone, where it holds local time. */
  readonly zone?: string | undefined
}

/** The columns of which each has to be the same on both sides. */
export function comparedColumns({
  columns,
  ignored = [],
}: Pick<LoadPlan, 'columns' | 'ignored'>): readonly Column[] {
  return ignored.length === 0 ? columns : columns.filter(({ name }) => !ignored.includes(name))
}

/** The temporary table through which batches are loaded. */
export const stageName = 'chatwoot_sync_stage'

/** Whether a row of the target belongs to this pipeline. */
export function inScope({ scope }: Pick<LoadPlan, 'scope'>, alias: string): RawBuilder<unknown> {
  const among = scope.map(
    ({ column, values }) => sql`${sql.id(alias, column)} = any(${`{${values.join(',')}}`}::bigint[])`,
  )
  return sql`(${sql.join([sql`true`, ...among], sql` and `)})`
}

/** Whether rows of the table can be soft-deleted. */
export function canSoftDelete({ table }: Pick<LoadPlan, 'table'>): boolean {
  return table.columns.some(({ name }) => name === 'deleted_at')
}

/** Position of the key among the columns. */
export function keyPosition({ columns, key }: Pick<LoadPlan, 'columns' | 'key'>): number {
  return columns.findIndex(({ name }) => name === key)
}

/** Part of a plan that says which rows of the target are one row. */
type Keyed = Pick<LoadPlan, 'table' | 'key' | 'columns'>

/** The rule of the unique index, which decides; of several on the key, of the one that calls the most equal. */
export function keyRuleOf({ table, key }: Keyed): KeyRule | undefined {
  return table.writing.keys.find(({ column }) => column === key)
}

/**
 * Columns by which the table is partitioned, which are beside the key in the unique index: a row whose value in them changed has to be moved
 * before it is written. None of a table that is not partitioned, or only by the key.
 */
export const partitionColumns = (plan: Keyed): readonly string[] => keyRuleOf(plan)?.beside ?? []

/** Whether keys that are spelled differently can be one key to the target, as `K7` and `k7` of the type citext are. */
export function isLooseKey(plan: Keyed): boolean {
  const rule = keyRuleOf(plan)
  return rule !== undefined && (!rule.isDeterministic || equality(keyColumnOf(plan).definition) === 'image')
}

/** Whether keys that differ in the source can be one key to the target, as the texts 01 and 1 are one integer. */
export function canCollapse({ conversions, key }: Pick<LoadPlan, 'conversions' | 'key'>): boolean {
  return conversions.get(key)?.canCollapse === true
}

export function keyColumnOf({ key, columns }: Keyed): Column {
  return columns.find(({ name }) => name === key) ?? { name: key, type: 'text', definition: plainText }
}

/**
 * Whether two keys in the type of the target's column are one key. By the operator and the collation of the index, as `=` is whatever
 * the search path makes of it, and compares another way than the index where the column has a collation of its own.
 */
export function isSameKey(
  plan: Keyed,
  one: RawBuilder<unknown>,
  other: RawBuilder<unknown>,
): RawBuilder<unknown> {
  const rule = keyRuleOf(plan)
  if (!rule || !isLooseKey(plan)) return sql`${one} = ${other}`
  const collation = rule.collation === null ? sql`` : sql` collate ${sql.raw(rule.collation)}`
  return sql`${one} ${sql.raw(rule.operator)} (${other}${collation})`
}

/** Whether two keys that are one key are spelled differently. */
export function isRespelled(one: RawBuilder<unknown>, other: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(${one})::text collate "C" <> (${other})::text collate "C"`
}

/** Keys as texts, in one JSON text, which every driver sends in the same form: a list of `key` in the type of the target's column. */
export function keysOfType(plan: Keyed, keys: readonly string[]): RawBuilder<unknown> {
  return sql`
    select listed.key::${sql.raw(wideType(keyColumnOf(plan).definition))} as key
    from json_array_elements_text(${JSON.stringify(keys)}::json) listed (key)`
}

/** The keys as the target's column writes them. */
export async function castKeys(
  target: Session,
  plan: Keyed,
  keys: readonly string[],
): Promise<readonly string[]> {
  const rows = await target.rows(
    compile(sql<{ key: string }>`select k.key::text as key from (${keysOfType(plan, keys)}) k`),
  )
  return rows.map(({ key }) => key)
}

/** The keys of one list that are one key with a key of the other, which the target holds. */
export async function findSpellings(
  target: Session,
  plan: Keyed,
  keys: readonly string[],
  stored: readonly string[],
): Promise<readonly { readonly key: string; readonly stored: string }[]> {
  const type = sql.raw(wideType(keyColumnOf(plan).definition))
  const list = (texts: readonly string[]) => sql`(
      select listed.text, listed.text::${type} as key
      from json_array_elements_text(${JSON.stringify(texts)}::json) listed (text)
    )`
  return target.rows(
    compile(sql<{ key: string; stored: string }>`
    select k.text as key, t.text as stored
    from ${list(keys)} k
    join ${list(stored)} t on ${isSameKey(plan, sql`k.key`, sql`t.key`)}`),
  )
}

/**
 * A type that holds every key of the column and more. An explicit cast to a text type with a length cuts a longer text, which then is the
 * key of another row.
 */
function wideType({ kind, bare }: ColumnType): string {
  return kind === 'smallint' || kind === 'integer' ? 'bigint' : bare
}

/** Whether the key has the same order on every server, as numbers have and texts do not. */
export function isCountable(plan: Keyed): boolean {
  return isOneOf(keyColumnOf(plan).definition.kind, 'smallint', 'integer', 'bigint')
}

const exact: ReadonlySet<TypeKind> = new Set<TypeKind>([
  ...(['smallint', 'integer', 'bigint', 'boolean', 'date', 'timestamp', 'timestamptz'] as const),
  ...(['uuid', 'bytea'] as const),
])

const texts: ReadonlySet<TypeKind> = new Set<TypeKind>(['text', 'varchar'])

/**
 * What it takes to see that two values have the same bytes: `=`, `=` in the collation C, as others may call different texts equal, or
 * their image, for types to which different values are equal, as 1 and 1.0 are, or which have no equality, as json.
 */
export function equality(type: ColumnType): 'plain' | 'text' | 'image' {
  const { kind, element } = type
  if (!isBuiltIn(type)) return 'image'
  if (exact.has(kind) || element?.kind === 'integer' || element?.kind === 'bigint') return 'plain'
  return texts.has(element?.kind ?? kind) ? 'text' : 'image'
}

/**
 * Checks that the table keeps rows apart by the key: by a unique index on it alone or, in a partitioned table, on it and the columns by which
 * that is partitioned, all of which are loaded. Throws TARGET_COLUMN_MISSING.
 */
export function requireUnique(table: Relation, key: string, loaded: readonly Column[]): void {
  const rules = table.writing.keys.filter(({ column }) => column === key)
  if (rules.length === 0) throw keyNotUnique(table, key)
  const isLoaded = (name: string) => loaded.some((column) => column.name === name)
  const missing = rules.flatMap(({ beside }) => beside.filter((name) => !isLoaded(name)))
  if (missing.length > 0) throw partitionUnknown(table, missing)
}

function keyNotUnique({ schema, name }: Relation, key: string): SyncError {
  return new SyncError('TARGET_COLUMN_MISSING', `The table ${name} has no unique index on ${key} alone.`, {
    remedy: `Create one: create unique index on ${identifier(schema, name)} (${identifier(key)});`,
    details: { column: key },
  })
}

/** Where a row belongs is one of its values. */
function partitionUnknown({ name }: Relation, columns: readonly string[]): SyncError {
  const message = `The table ${name} is partitioned by ${columns.join(', ')}, which is not loaded.`
  return new SyncError('TARGET_COLUMN_MISSING', message, {
    remedy: 'Load it, or partition the table by a column that is.',
    details: { columns: [...columns] },
  })
}
