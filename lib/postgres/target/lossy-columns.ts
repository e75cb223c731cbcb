import { sql } from 'kysely'

import type { Cells, Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'
import { isChanged } from '../driver/types/comparison.js'
import { stageName, type LoadPlan } from './load-plan.js'

/** Columns that are written, and which of them could change a value. */
interface LossyColumns {
  readonly columns: readonly { readonly name: string }[]
  readonly lossy: readonly string[]
}

const placeName = 'chatwoot_sync_place'

const exactName = (index: number) => `chatwoot_sync_exact_${index}`

/** What the stage holds beside the columns of the table: the place of the row, and the texts that lossy columns were read from. */
export function exactColumns({ lossy }: Pick<LossyColumns, 'lossy'>) {
  const texts = lossy.map((_, index) => ({ name: exactName(index), type: 'text' }))
  return [{ name: placeName, type: 'integer' }, ...texts]
}

/** Rows with the cells of these columns behind their own. */
export function withExact(plan: LossyColumns, rows: readonly Cells[]): readonly Cells[] {
  const places = lossyPlaces(plan)
  return rows.map((row, index) => [...row, String(index), ...places.map((place) => row[place] ?? null)])
}

/** Places of these columns among those that are written. */
export const lossyPlaces = ({ lossy, columns }: LossyColumns): readonly number[] =>
  lossy.map((name) => columns.findIndex((column) => column.name === name))

/** A staged row of which a column has changed a value. */
export interface ChangedRow {
  /** Its place among the rows that were put. */
  readonly place: number
  /** The first such column. */
  readonly column: string
}

/** Takes the rows out of the stage of which the table would hold another value than the source does. */
export async function takeChanged(target: Session, plan: LoadPlan): Promise<readonly ChangedRow[]> {
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
