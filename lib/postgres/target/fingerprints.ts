import { sql, type RawBuilder } from 'kysely'

import { tableOf } from '../driver/catalog.js'
import { recordableBy } from '../driver/texts.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'
import { inScope, keyColumnOf, type LoadPlan } from './load-plan.js'
import { comparableCell, fingerprint } from './prints.js'

/** One half of a comparison: rows as a query with the columns of the plan, in their order. */
export interface Half {
  readonly session: Session
  readonly rows: RawBuilder<unknown>
}

/** Number of rows and sum of their fingerprints, by group. */
export type Sums = ReadonlyMap<string, string>

/**
 * The fingerprint of a row is a hash of its values, each in the type of the target's column, so that both servers compute the same one;
 * texts have one form by the settings of the transaction. These hash functions give the same numbers on every release since 11.
 */
export async function sumFingerprints(half: Half, plan: LoadPlan, group: RawBuilder<unknown>): Promise<Sums> {
  const rows = await half.session.rows(
    compile(sql<{ group: string; sums: string }>`
    select
      grouped::text as "group",
      count(*)::text || ':' || sum(fingerprint)::text as sums
    from (
      select
        ${group} as grouped,
        ${fingerprint(plan, half.session)} as fingerprint
      from (${half.rows}) v
    ) each_row
    group by grouped`),
  )
  return new Map(rows.map(({ group: name, sums }) => [name, sums]))
}

/** One row of a half. */
export interface Fingerprint {
  /** Its key as this side writes it. */
  readonly key: string
  readonly fingerprint: string
}

/**
 * The fingerprint of each row by its key in the type of the target's column, as one side may write a key another way than the other, and
 * the source may have several of one.
 */
export async function listFingerprints(
  half: Half,
  plan: LoadPlan,
): Promise<ReadonlyMap<string, readonly Fingerprint[]>> {
  const shown = recordableBy(half.session.encoding())
  const rows = await half.session.rows(
    compile(sql<Fingerprint & { readonly same_key: string }>`
    select
      ${shown.of(sql`v.${sql.id(plan.key)}::text`)} as key,
      ${shown.of(sql`(${comparableCell(plan, keyColumnOf(plan), half.session.side).value})::text`)} as same_key,
      ${fingerprint(plan, half.session)}::text as fingerprint
    from (${half.rows}) v`),
  )
  const byKey = new Map<string, Fingerprint[]>()
  for (const { key, same_key: same, fingerprint: hash } of rows) {
    const sameKey = shown.read(same)
    byKey.set(sameKey, [...(byKey.get(sameKey) ?? []), { key: shown.read(key), fingerprint: hash }])
  }
  return byKey
}

/** A row with every column as text, and its key as its side writes it. */
export interface TextRow {
  readonly key: string
  readonly texts: Readonly<Record<string, string | null>>
}

/** The rows with every column as text, in the type of the target's column. */
export async function listTexts({ session, rows }: Half, plan: LoadPlan): Promise<readonly TextRow[]> {
  const texts = plan.columns.map((column) => {
    const { value } = comparableCell(plan, column, session.side)
    return sql`(${value})::text as ${sql.id(column.name)}`
  })
  const keyName = 'chatwoot_sync_key'
  const found = await session.rows(
    compile(sql<TextRow['texts']>`
    select ${sql.join([sql`v.${sql.id(plan.key)}::text as ${sql.id(keyName)}`, ...texts])}
    from (${rows}) v`),
  )
  return found.map((row) => ({ key: row[keyName] ?? '', texts: row }))
}

/** The rows of this pipeline in the target that are not soft-deleted, under a condition on `r`. */
export function liveRows(plan: LoadPlan, condition: RawBuilder<unknown>): RawBuilder<unknown> {
  const { table, columns } = plan
  const isLive = table.columns.some(({ name }) => name === 'deleted_at')
    ? sql`r.deleted_at is null`
    : sql`true`
  return sql`
    select ${sql.join(columns.map(({ name }) => sql`r.${sql.id(name)}`))}
    from ${tableOf(table)} r
    where ${isLive} and ${inScope(plan, 'r')} and ${condition}`
}

/** Those of them with these keys. */
export function liveRowsOf(plan: LoadPlan, keys: readonly string[]): RawBuilder<unknown> {
  return liveRows(plan, hasLiveKey(plan, keys))
}

/** Whether a row `r` of the target has one of these keys. */
export function hasLiveKey({ key, columns }: LoadPlan, keys: readonly string[]): RawBuilder<unknown> {
  const type = columns.find(({ name }) => name === key)?.type ?? 'text'
  const list = sql`array(select json_array_elements_text(${JSON.stringify(keys)}::json))::${sql.raw(type)}[]`
  return sql`r.${sql.id(key)} = any(${list})`
}

/** A condition without the rows of some keys; `isOne` says whether a row is one of them. */
export function andNot(
  condition: RawBuilder<unknown>,
  keys: readonly string[],
  isOne: () => RawBuilder<unknown>,
): RawBuilder<unknown> {
  return keys.length === 0 ? condition : sql`${condition} and (${isOne()}) is not true`
}

/** The keys of rows. */
export async function listKeys({ session, rows }: Half, { key }: LoadPlan): Promise<string[]> {
  const found = await session.rows(
    compile(sql<{ key: string }>`select v.${sql.id(key)}::text as key from (${rows}) v`),
  )
  return found.map((row) => row.key)
}

/** Every so many-th key of the target, in order: the borders of ranges that hold about as many rows each. */
export async function rangeBorders(target: Session, plan: LoadPlan, rowsPerRange: number): Promise<string[]> {
  const rows = await target.rows(
    compile(sql<{ key: string }>`
    select numbered.key::text as key
    from (
      select
        r.${sql.id(plan.key)} as key,
        row_number() over (order by r.${sql.id(plan.key)}) as place
      from (${liveRows(plan, sql`true`)}) r
    ) numbered
    where numbered.place % ${rowsPerRange}::bigint = 0
    order by numbered.key`),
  )
  return rows.map(({ key }) => key)
}
