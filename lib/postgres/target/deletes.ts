import { sql } from 'kysely'

import { inScope, tableOf, type LoadPlan } from './upsert.js'
import type { Column } from '../driver/catalog.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'

const keysName = 'chatwoot_sync_keys'

/** Whether the table can mark rows as deleted. */
export function marksDeletes({ table }: LoadPlan): boolean {
  return table.columns.some(({ name }) => name === 'deleted_at')
}

/** Rows of this pipeline that are not marked deleted. */
export async function countLive(target: Session, plan: LoadPlan): Promise<number> {
  const isLive = marksDeletes(plan) ? sql`deleted_at is null` : sql`true`
  const [row] = await target.rows(
    compile(sql`
    select count(*)::text
    from ${tableOf(plan.table)} t
    where ${isLive} and ${inScope(plan, 't')}`),
  )
  return Number(row?.[0] ?? 0)
}

/** Marks this pipeline's rows with these keys; gives how many were not marked before. Of other filters' rows the source tells it nothing. */
export async function markDeleted(target: Session, plan: LoadPlan, keys: readonly string[]): Promise<number> {
  return countOf(
    target,
    sql`
    update ${tableOf(plan.table)} t
    set ${marks(plan)}
    where ${amongKeys(plan, keys)}
    returning 1`,
  )
}

/** What `markDeleted` would do, without doing it. */
export async function countDeletable(
  target: Session,
  plan: LoadPlan,
  keys: readonly string[],
): Promise<number> {
  return countOf(target, sql`select from ${tableOf(plan.table)} t where ${amongKeys(plan, keys)}`)
}

/** Makes the temporary table that holds every key of the source; it goes away with the transaction. */
export async function createKeys(target: Session, plan: LoadPlan): Promise<void> {
  const { name, type } = keyColumn(plan)
  await target.rows(
    compile(sql`create temp table ${sql.id(keysName)} (${sql.id(name)} ${sql.raw(type)}) on commit drop`),
  )
}

export async function addKeys(target: Session, plan: LoadPlan, keys: readonly string[]): Promise<void> {
  await target.stage(
    { name: keysName, columns: [keyColumn(plan)] },
    keys.map((key) => [key]),
  )
}

/** Rows of this pipeline that are not marked deleted and whose key was not added. */
export async function countGone(target: Session, plan: LoadPlan): Promise<number> {
  await target.rows(compile(sql`analyze ${sql.id(keysName)}`))
  return countOf(target, sql`select from ${tableOf(plan.table)} t where ${isGone(plan)}`)
}

/** Marks them; gives how many. */
export async function markGone(target: Session, plan: LoadPlan): Promise<number> {
  return countOf(
    target,
    sql`
    update ${tableOf(plan.table)} t
    set ${marks(plan)}
    where ${isGone(plan)}
    returning 1`,
  )
}

async function countOf(target: Session, statement: ReturnType<typeof sql>): Promise<number> {
  const [row] = await target.rows(compile(sql`with found as (${statement}) select count(*)::text from found`))
  return Number(row?.[0] ?? 0)
}

function marks({ table }: LoadPlan) {
  const tellsWhen = table.columns.some(({ name }) => name === 'etl_updated_at')
  return tellsWhen ? sql`deleted_at = now(), etl_updated_at = now()` : sql`deleted_at = now()`
}

/** The keys as one JSON text, which every driver sends alike. */
function amongKeys(plan: LoadPlan, keys: readonly string[]) {
  const { name, type } = keyColumn(plan)
  return sql`
    t.deleted_at is null
      and ${inScope(plan, 't')}
      and t.${sql.id(name)} in (
        select key::${sql.raw(type)}
        from json_array_elements_text(${JSON.stringify(keys)}::json) key
      )`
}

function isGone(plan: LoadPlan) {
  const key = sql.id(plan.key)
  return sql`
    t.deleted_at is null
      and ${inScope(plan, 't')}
      and not exists (
        select
        from ${sql.id(keysName)} k
        where k.${key} = t.${key}
      )`
}

function keyColumn({ key, columns }: LoadPlan): Column {
  return columns.find(({ name }) => name === key) ?? { name: key, type: 'text' }
}
