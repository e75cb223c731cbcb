import { sql, type RawBuilder } from 'kysely'

import { tableOf } from '../driver/catalog.js'
import type { Session } from '../driver/session.js'
import { countOf } from '../driver/statement.js'
import type { Conflict } from './conflicts.js'
import { isSameKey, keysOfType, type LoadPlan } from './load-plan.js'
import { detourOf, type Detour, type UniqueRule } from './unique-rules.js'

/** What soft-deleted rows have given up under one rule. */
export interface Released {
  readonly rule: string
  readonly column: string
  /** Rows in which the column is NULL now. */
  readonly emptied: number
  /** Rows that were removed, as the column cannot be NULL. */
  readonly removed: number
}

/**
 * Lets the rows step aside that hold the values of staged rows which can be written: those that are staged themselves until they are written, in
 * the same transaction; soft-deleted ones for good.
 */
export async function makeRoom(
  target: Session,
  plan: LoadPlan,
  rules: readonly UniqueRule[],
  conflicts: readonly Conflict[],
): Promise<readonly Released[]> {
  const blocked = new Set(conflicts.filter(({ is_blocked: is }) => is).map(({ key }) => key))
  const released: Released[] = []
  for (const [place, rule] of rules.entries()) {
    const inTheWay = conflicts.filter((each) => each.rule === place && !each.is_blocked)
    const isMoving = ({ is_staged: isStaged, holder }: Conflict) => isStaged && !blocked.has(holder)
    const moving = holdersOf(inTheWay.filter(isMoving))
    const deleted = holdersOf(inTheWay.filter((each) => !isMoving(each)))
    const detour = detourOf(rule, plan)
    if (detour && moving.length > 0) await stepAside(target, plan, detour, moving)
    if (deleted.length > 0) released.push(await release(target, plan, rule, detour, deleted))
  }
  return released
}

const holdersOf = (conflicts: readonly Conflict[]) => [...new Set(conflicts.map(({ holder }) => holder))]

async function release(
  target: Session,
  plan: LoadPlan,
  rule: UniqueRule,
  detour: Detour | undefined,
  keys: readonly string[],
): Promise<Released> {
  const column = detour?.column ?? rule.columns[0] ?? ''
  if (detour?.isNull) {
    return { rule: rule.name, column, emptied: await stepAside(target, plan, detour, keys), removed: 0 }
  }
  const removed = await countOf(
    target,
    sql`
    delete from ${tableOf(plan.table)} t
    using ${placesOf(plan, keys)} p
    where ${isSameKey(plan, sql`t.${sql.id(plan.key)}`, sql`p.key`)}
    returning 1`,
  )
  return { rule: rule.name, column, emptied: 0, removed }
}

async function stepAside(
  target: Session,
  plan: LoadPlan,
  { column, value }: Detour,
  keys: readonly string[],
): Promise<number> {
  const hasUpdatedAt = plan.table.columns.some(({ name }) => name === 'etl_updated_at')
  return countOf(
    target,
    sql`
    update ${tableOf(plan.table)} t
    set ${sql.id(column)} = ${value}${hasUpdatedAt ? sql`, etl_updated_at = now()` : sql``}
    from ${placesOf(plan, keys)} p
    where ${isSameKey(plan, sql`t.${sql.id(plan.key)}`, sql`p.key`)}
    returning 1`,
  )
}

/** The keys, each with its place among them. */
function placesOf(plan: LoadPlan, keys: readonly string[]): RawBuilder<unknown> {
  return sql`(
      select listed.key, row_number() over () as place
      from (${keysOfType(plan, keys)}) listed
    )`
}
