import { sql } from 'kysely'

import { tableOf } from '../driver/catalog.js'
import type { Session } from '../driver/session.js'
import { compile, countOf } from '../driver/statement.js'
import {
  canSoftDelete,
  inScope,
  isLooseKey,
  isRespelled,
  isSameKey,
  keyColumnOf,
  keysOfType,
  type LoadPlan,
} from './load-plan.js'

const keysName = 'chatwoot_sync_keys'
const missingName = 'chatwoot_sync_missing'

/** Rows of this pipeline that are not soft-deleted. */
export async function countLive(target: Session, plan: LoadPlan): Promise<number> {
  const isLive = canSoftDelete(plan) ? sql`deleted_at is null` : sql`true`
  return countOf(
    target,
    sql`select 1 from ${tableOf(plan.table)} t where ${isLive} and ${inScope(plan, 't')}`,
  )
}

/** Soft-deletes this pipeline's rows with these keys; how many were not before. Rows of other filters are not its business. */
export async function softDelete(target: Session, plan: LoadPlan, keys: readonly string[]): Promise<number> {
  return countOf(
    target,
    sql`
    update ${tableOf(plan.table)} t
    set ${deletion(plan)}
    where ${amongKeys(plan, keys)}
    returning 1`,
  )
}

/** What `softDelete` would do, without doing it. */
export async function countSoftDeletable(
  target: Session,
  plan: LoadPlan,
  keys: readonly string[],
): Promise<number> {
  return countOf(target, sql`select 1 from ${tableOf(plan.table)} t where ${amongKeys(plan, keys)}`)
}

/** Creates the temporary table for all keys of the source; the end of the transaction drops it. */
export async function createKeys(target: Session, plan: LoadPlan): Promise<void> {
  const { name, type } = keyColumnOf(plan)
  await target.rows(
    compile(sql`create temp table ${sql.id(keysName)} (${sql.id(name)} ${sql.raw(type)}) on commit drop`),
  )
}

export async function addKeys(target: Session, plan: LoadPlan, keys: readonly string[]): Promise<void> {
  await target.fill(
    { name: keysName, columns: [{ name: plan.key, type: keyColumnOf(plan).definition.bare }] },
    keys.map((key) => [key]),
  )
}

/**
 * Lists the rows of this pipeline that are not soft-deleted and whose key was not added; how many they are. Keys of the table are read apart and
 * compared with the others here: a distributed table cannot be joined with a local one in what changes it.
 */
export async function listMissing(target: Session, plan: LoadPlan): Promise<number> {
  const key = sql.id(plan.key)
  const [, , counted] = await target.together([
    compile(sql`analyze ${sql.id(keysName)}`),
    compile(sql`
      create temp table ${sql.id(missingName)} on commit drop as
      with held as materialized (
        select t.${key}
        from ${tableOf(plan.table)} t
        where t.deleted_at is null
          and ${inScope(plan, 't')}
      )
      select h.${key}
      from held h
      where not exists (
        select 1
        from ${sql.id(keysName)} k
        where ${isSameKey(plan, sql`h.${key}`, sql`k.${key}`)}
      )`),
    compile(sql<{ count: number }>`select count(*)::integer as count from ${sql.id(missingName)}`),
  ])
  return counted[0]?.count ?? 0
}

/** Soft-deletes them; how many. */
export async function softDeleteMissing(target: Session, plan: LoadPlan): Promise<number> {
  const key = sql.id(plan.key)
  const isListed = isLooseKey(plan)
    ? sql`exists (
        select 1
        from ${sql.id(missingName)} m
        where ${isSameKey(plan, sql`t.${key}`, sql`m.${key}`)}
      )`
    : sql`t.${key} in (select m.${key} from ${sql.id(missingName)} m)`
  return countOf(
    target,
    sql`
    update ${tableOf(plan.table)} t
    set ${deletion(plan)}
    where t.deleted_at is null
      and ${inScope(plan, 't')}
      and ${isListed}
    returning 1`,
  )
}

function deletion({ table }: LoadPlan) {
  const hasUpdatedAt = table.columns.some(({ name }) => name === 'etl_updated_at')
  return hasUpdatedAt ? sql`deleted_at = now(), etl_updated_at = now()` : sql`deleted_at = now()`
}

/** Rows of exactly these keys: of two spellings of one key, one can be gone while the row has the other. */
function amongKeys(plan: LoadPlan, keys: readonly string[]) {
  const key = sql`t.${sql.id(plan.key)}`
  const listed = keysOfType(plan, keys)
  const isAmong = isLooseKey(plan)
    ? sql`exists (
        select 1
        from (${listed}) l
        where ${isSameKey(plan, key, sql`l.key`)}
          and not (${isRespelled(key, sql`l.key`)})
      )`
    : sql`${key} in (${listed})`
  return sql`
    t.deleted_at is null
      and ${inScope(plan, 't')}
      and ${isAmong}`
}
