import { sql, type CompiledQuery } from 'kysely'

import type { Session } from '../driver/session.js'
import { compile, controlName } from '../driver/statement.js'
import type { LakeName } from './lake-lock.js'

/** What a snapshot shows of the marks of a lake. */
export interface Marks {
  /** Numbers of all of them. */
  readonly marks: readonly string[]
  /** Months that they are about, or `all`. */
  readonly months: ReadonlySet<string> | 'all'
  /** Time of the server when the transaction began, UTC: the snapshot shows all that was committed before. */
  readonly at: string
  /** The month of that time, such as 2026-03. */
  readonly month: string
}

/** Asks for a comparison of every month. */
export async function markAll({ db }: Session, { pipeline, lake }: LakeName): Promise<void> {
  await db.insertInto('etl_lake_months').values({ pipeline, lake, month: 'all' }).execute()
}

/** The same as a statement without parameters. */
export const markAllStatement = ({ pipeline, lake }: LakeName): CompiledQuery =>
  compile(sql`
    insert into ${controlName('etl_lake_months')} (pipeline, lake, month)
    values (${sql.lit(pipeline)}, ${sql.lit(lake)}, 'all')`)

/**
 * Drops all but the newest mark of each month, for a lake that could not be reached for long. Rows that a transaction in progress marks are
 * rows of their own, and stay.
 */
export async function compactMarks(target: Session, { pipeline, lake }: LakeName): Promise<void> {
  await target.rows(
    compile(sql`
      delete from ${controlName('etl_lake_months')} m
      where m.pipeline = ${pipeline}::text
        and m.lake = ${lake}::text
        and m.mark < (
          select max(n.mark)
          from ${controlName('etl_lake_months')} n
          where n.pipeline = m.pipeline
            and n.lake = m.lake
            and n.month = m.month
        )`),
  )
}

/** The marks that the open snapshot shows, which are those of all changes of the table that it shows. */
export async function readMarks({ db }: Session, { pipeline, lake }: LakeName): Promise<Marks> {
  const { marks, at, month } = await db
    .selectNoFrom((eb) => [
      eb
        .selectFrom('etl_lake_months')
        .select(
          sql<string>`coalesce(json_agg(json_build_array(mark::text, month)), '[]'::json)::text`.as('marks'),
        )
        .where('pipeline', '=', pipeline)
        .where('lake', '=', lake)
        .$asScalar()
        .as('marks'),
      sql<string>`(now() at time zone 'UTC')::text`.as('at'),
      sql<string>`to_char(now() at time zone 'UTC', 'YYYY-MM')`.as('month'),
    ])
    .executeTakeFirstOrThrow()
  const rows: [string, string][] = JSON.parse(marks ?? '[]')
  const months = new Set(rows.map(([, name]) => name))
  return { marks: rows.map(([mark]) => mark), months: months.has('all') ? 'all' : months, at, month }
}
