import { sql } from 'kysely'

import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'
import { isChanged } from '../driver/types/comparison.js'
import { exactName, placeName } from './exact-columns.js'
import { stageName, type LoadPlan } from './upsert.js'

/** A staged row of which a column has changed a value. */
export interface ChangedRow {
  /** Its place among the rows that were put. */
  readonly place: number
  /** The first such column. */
  readonly column: string
}

/** Takes the rows out of the stage of which the table would hold another value than the source does. */
export async function takeChanged(target: Session, plan: LoadPlan): Promise<readonly ChangedRow[]> {
  if (plan.lossy.length === 0) return []
  const cases = plan.lossy.flatMap((name, index) => {
    const comparison = plan.conversions.get(name)
    const to = plan.columns.find((column) => column.name === name)?.definition
    if (!comparison || !to) return []
    const value = { exact: sql`s.${sql.id(exactName(index))}`, stored: sql`s.${sql.id(name)}` }
    return [sql`when ${isChanged(comparison, to, value)} then ${sql.lit(name)}`]
  })
  return target.rows(
    compile(sql<ChangedRow>`
      with
        found as materialized (
          select s.${sql.id(placeName)} as place, case ${sql.join(cases, sql`\n`)} end as "column"
          from ${sql.id(stageName)} s
        ),
        changed as (
          select place, "column"
          from found
          where "column" is not null
        ),
        taken as (
          delete from ${sql.id(stageName)} s
          using changed
          where s.${sql.id(placeName)} = changed.place
        )
      select place::integer as place, "column"::text as "column"
      from changed
      order by place`),
  )
}
