import { sql } from 'kysely'

import { tableOf } from '../driver/catalog.js'
import type { Session } from '../driver/session.js'
import { compile, countOf } from '../driver/statement.js'
import { canSoftDelete, inScope, keyColumnOf, partitionColumns, type LoadPlan } from './load-plan.js'

/**
 * Keys that the table holds more than once, soft-deleted rows included, which only a table can whose key is unique within each partition alone. It
 * reads the keys of the whole table.
 */
export async function findDoubles(target: Session, plan: LoadPlan): Promise<readonly string[]> {
  if (partitionColumns(plan).length === 0) return []
  const key = sql`t.${sql.id(plan.key)}`
  const rows = await target.rows(
    compile(sql<{ key: string }>`
      select min(${key}::text) as key
      from ${tableOf(plan.table)} t
      where ${inScope(plan, 't')}
      group by ${key}
      having count(*) > 1
      order by ${key}`),
  )
  return rows.map(({ key: name }) => name)
}

/** A key, with the values as texts that the columns have in the source by which the table is partitioned; none where the source lacks the row. */
export interface DoubleKey {
  readonly key: string
  readonly at: Readonly<Record<string, string | null>> | undefined
}

/**
 * Deletes for good all rows but one of each of these keys, and returns how many. The one is that which is where the source has it, else the one
 * that is live and was written last.
 */
export async function deleteDoubles(
  target: Session,
  plan: LoadPlan,
  doubles: readonly DoubleKey[],
): Promise<number> {
  const { name, type } = keyColumnOf(plan)
  const key = sql`t.${sql.id(name)}`
  const listed = sql`json_to_recordset(${JSON.stringify(doubles)}::json) d (key text, at json)`
  const isInPlace = partitionColumns(plan).map((column) => {
    const { type: typeOfColumn = 'text' } = plan.columns.find((each) => each.name === column) ?? {}
    return sql`t.${sql.id(column)} = (d.at ->> ${column}::text)::${sql.raw(typeOfColumn)}`
  })
  const has = (wanted: string) => plan.table.columns.some((column) => column.name === wanted)
  const order = [
    sql`(${sql.join(isInPlace, sql` and `)}) desc nulls last`,
    ...(canSoftDelete(plan) ? [sql`t.deleted_at is null desc`] : []),
    ...(has('etl_updated_at') ? [sql`t.etl_updated_at desc nulls last`] : []),
  ]
  return countOf(
    target,
    sql`
    delete from ${tableOf(plan.table)} t
    using (
      select
        t.tableoid as partition,
        t.ctid as place,
        row_number() over (partition by ${key} order by ${sql.join(order)}) as rank
      from ${tableOf(plan.table)} t
      join ${listed} on ${key} = d.key::${sql.raw(type)}
      where ${inScope(plan, 't')}
    ) r
    where t.tableoid = r.partition
      and t.ctid = r.place
      and r.rank > 1
      and ${key} in (select d.key::${sql.raw(type)} from ${listed})
    returning 1`,
  )
}
