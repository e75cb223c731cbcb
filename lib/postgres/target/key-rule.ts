import { sql, type RawBuilder } from 'kysely'

import type { KeyRule } from '../driver/writing-rules.js'
import type { Column } from '../driver/catalog.js'
import { equality } from '../driver/column-types.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'
import { plainText, type ColumnType } from '../driver/types/column-type.js'
import type { LoadPlan } from './load-plan.js'

/** Part of a plan that says which rows of the target are one row. */
type Keyed = Pick<LoadPlan, 'table' | 'key' | 'columns'>

/** The rule of the unique index, which decides; of several on the key, of the one that calls the most equal. */
export function keyRuleOf({ table, key }: Keyed): KeyRule | undefined {
  return table.writing.keys.find(({ column }) => column === key)
}

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
