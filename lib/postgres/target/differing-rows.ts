import { sql, type RawBuilder } from 'kysely'

import { tableOf } from '../driver/catalog.js'
import { comparedColumns, equality, isLooseKey, isRespelled, isSameKey } from './load-plan.js'
import { canSoftDelete, partitionColumns, stageName, type LoadPlan } from './load-plan.js'

/** Staged rows `s` beside the row `t` that the table holds for each, which is all NULL where there is none. */
export function stagedBesideHeld(plan: LoadPlan): RawBuilder<unknown> {
  return sql`
      from ${sql.id(stageName)} s
      left join ${heldRows(plan)} t on ${isSameRow(plan)}`
}

/** Staged rows that the target lacks, holds with other content, or holds as deleted. */
export function differing(plan: LoadPlan, which?: 'with respelled'): RawBuilder<unknown> {
  const isWanted =
    isLooseKey(plan) && which === undefined
      ? sql`(${isDifferent(plan)}) and not (${isOtherSpelling(plan)})`
      : isDifferent(plan)
  return sql`
      ${stagedBesideHeld(plan)}
      where t.${sql.id(plan.key)} is null
        or ${isWanted}`
}

/** Whether `t` is the row of the target for the staged row `s`. */
export function isSameRow(plan: LoadPlan, held = 't'): RawBuilder<unknown> {
  const [h, s] = [sql.id(held), sql.id('s')]
  const pairs = partitionColumns(plan).map((name) => sql`${h}.${sql.id(name)} = ${s}.${sql.id(name)}`)
  const isKey = isSameKey(plan, sql`${h}.${sql.id(plan.key)}`, sql`${s}.${sql.id(plan.key)}`)
  return sql.join([isKey, ...pairs], sql` and `)
}

/** Whether the target has no row of the key of the staged row `s`. */
export function isNew(plan: LoadPlan): RawBuilder<unknown> {
  const isMissing = sql`t.${sql.id(plan.key)} is null`
  return partitionColumns(plan).length === 0 ? isMissing : sql`(${isMissing} and not ${hasKeyInTable(plan)})`
}

/**
 * Whether any row of the table has the key of the staged row `s`, in whatever partition. As the offset keeps the planner from joining, which
 * it would do by reading all partitions whole, it looks the key up in each. `more` is a condition on that row, `m`.
 */
export function hasKeyInTable(plan: LoadPlan, more: RawBuilder<unknown> = sql``): RawBuilder<unknown> {
  return sql`exists (
        select 1
        from ${tableOf(plan.table)} m
        where ${isSameKey(plan, sql`m.${sql.id(plan.key)}`, sql`s.${sql.id(plan.key)}`)}
          ${more}
        offset 0
      )`
}

/** Whether a row of the target is not what was staged. */
export function isDifferent(plan: LoadPlan): RawBuilder<unknown> {
  const isDeleted = canSoftDelete(plan) ? sql`t.deleted_at is not null or ` : sql``
  const isOther = isLooseKey(plan) ? sql`${isOtherSpelling(plan)} or ` : sql``
  return sql`${isDeleted}${isOther}${isOtherContent(plan)}`
}

export const isOtherSpelling = ({ key }: LoadPlan) =>
  isRespelled(sql`s.${sql.id(key)}`, sql`t.${sql.id(key)}`)

/**
 * The table, or of one that Citus distributes only the rows that are staged: the other side of an outer join with a local table is fetched
 * whole otherwise. On one server the extra join costs a third of the comparison, so it is not for all.
 */
function heldRows(plan: LoadPlan): RawBuilder<unknown> {
  const { table, key, columns } = plan
  if (!table.writing.isDistributed || isLooseKey(plan)) return tableOf(table)
  const names = [...columns.map(({ name }) => name), ...(canSoftDelete(plan) ? ['deleted_at'] : [])]
  const same = [key, ...partitionColumns(plan)].map((name) => sql.id(name))
  return sql`(
        select ${sql.join(names.map((name) => sql`h.${sql.id(name)}`))}
        from ${tableOf(table)} h
        where (${sql.join(same.map((name) => sql`h.${name}`))}) in (
          select ${sql.join(same.map((name) => sql`k.${name}`))}
          from ${sql.id(stageName)} k
        )
      )`
}

/**
 * Whether two rows hold other bytes. Column by column where equal means the same bytes, which costs half of comparing whole rows; the
 * others, such as numeric, to which 1 and 1.0 are equal, by their image: by the function, as Citus loses the type of what the operator
 * for it takes.
 */
function isOtherContent(plan: LoadPlan): RawBuilder<unknown> {
  const pairs = comparedColumns(plan).flatMap(({ name, definition }) =>
    name === plan.key ? [] : [{ name: sql.id(name), definition }],
  )
  const plain = pairs.flatMap(({ name, definition }) => {
    const kind = equality(definition)
    if (kind === 'image') return []
    const collation = kind === 'text' ? sql` collate "C"` : sql``
    return [sql`s.${name}${collation} is distinct from t.${name}`]
  })
  const inexact = pairs.flatMap(({ name, definition }) => (equality(definition) === 'image' ? [name] : []))
  const row = (alias: string) =>
    sql`row(${sql.join(inexact.map((name) => sql`${sql.id(alias)}.${name}`))})::record`
  const image = inexact.length > 0 ? [sql`pg_catalog.record_image_ne(${row('s')}, ${row('t')})`] : []
  return sql`(${sql.join([sql`false`, ...plain, ...image], sql`\n          or `)})`
}
