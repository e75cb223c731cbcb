import { sql, type CompiledQuery } from 'kysely'

import { tableOf } from '../driver/catalog.js'
import { compile } from '../driver/statement.js'
import { hasKeyInTable, isSameRow } from './differing-rows.js'
import { canSoftDelete, isLooseKey, isSameKey, partitionColumns, stageName } from './load-plan.js'
import type { LoadPlan } from './load-plan.js'

/**
 * Brings the rows to the content of the stage whose value changed by which the table is partitioned: the upsert, whose unique index contains
 * that value, would not see them and add a second row of their key. One row for each that was moved; undefined for a table without such
 * columns.
 */
export function moveRows(plan: LoadPlan): CompiledQuery<{ readonly key: string }> | undefined {
  if (partitionColumns(plan).length === 0) return undefined
  const { table, key, columns } = plan
  const isLoose = isLooseKey(plan)
  const assignments = columns.flatMap(({ name }) =>
    name === key && !isLoose ? [] : [sql`${sql.id(name)} = s.${sql.id(name)}`],
  )
  if (table.columns.some(({ name }) => name === 'etl_updated_at'))
    assignments.push(sql`etl_updated_at = now()`)
  if (canSoftDelete(plan)) assignments.push(sql`deleted_at = null`)
  // As an array, by which the few rows are looked up, and not joined with all partitions.
  const isAmong = isLoose ? sql`` : sql`and t.${sql.id(key)} = any(array(select m.key from moved m))`
  return compile(sql<{ key: string }>`
    with moved as materialized (
      select s.${sql.id(key)} as key
      ${missingRows(plan)}
        and ${hasKeyInTable(plan)}
    )
    update ${tableOf(table)} t
    set ${sql.join(assignments)}
    from ${sql.id(stageName)} s
    join moved m on ${isSameKey(plan, sql`m.key`, sql`s.${sql.id(key)}`)}
    where ${isSameKey(plan, sql`t.${sql.id(key)}`, sql`s.${sql.id(key)}`)}
      ${isAmong}
    returning t.${sql.id(key)}::text as key`)
}

/** Staged rows that the table does not hold where they belong. */
const missingRows = (plan: LoadPlan) => sql`
      from ${sql.id(stageName)} s
      where not exists (
          select 1
          from ${tableOf(plan.table)} e
          where ${isSameRow(plan, 'e')}
        )`
