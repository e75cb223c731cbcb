import { sql, type CompiledQuery, type RawBuilder } from 'kysely'

import { tableOf } from '../driver/catalog.js'
import type { TableName } from '../driver/search-path.js'
import { compile } from '../driver/statement.js'

/** The month of rows without a time, and of those whose time no path can name: before the year 1 and from 10000 on. */
export const noMonth = '0000-00'

/** The column whose month decides in which file a row is. */
export const lakeTime = 'conversation_created_at'

/** The rows of one day, or without a day of one month. */
export interface RowsOf {
  readonly month: string
  readonly day: string | undefined
}

/** What the table holds of one day. */
export interface DayRow {
  readonly month: string
  /** Two digits; 00 in `noMonth`. */
  readonly day: string
  readonly rows: string
  /** A sum over the versions of its rows, which every write changes; sums of days add up to that of their month. */
  readonly digest: string
  /** One of the columns that were asked about has a value. */
  readonly has_values: boolean
}

/** Counts the rows of these months day by day, or of all; `filled` are names of columns of which to find out whether they have values. */
export function daysQuery(
  table: TableName,
  months: ReadonlySet<string> | 'all',
  filled: readonly string[],
): CompiledQuery<DayRow> {
  const wanted =
    months === 'all' ? sql`true` : sql.join([sql`false`, ...[...months].map(isInMonth)], sql`\n        or `)
  const hasValues = filled.map((name) => sql`t.${sql.id(name)} is not null`)
  return compile(sql<DayRow>`
    select
      case when ${isNamed} then to_char(d.day, 'YYYY-MM') else ${sql.lit(noMonth)} end as month,
      case when ${isNamed} then to_char(d.day, 'DD') else '00' end as day,
      sum(d.rows)::text as rows,
      sum(d.digest)::text as digest,
      bool_or(d.has_values) as has_values
    from (
      select
        date_trunc('day', t.conversation_created_at) as day,
        count(*) as rows,
        -- Each version of a row has a place and a writer that no other has at the same time.
        sum(hashtextextended(t.tableoid::text || t.ctid::text || t.xmin::text, 0)) as digest,
        bool_or(${sql.join([sql`false`, ...hasValues], sql` or `)}) as has_values
      from ${tableOf(table)} t
      where ${wanted}
      group by 1
    ) d
    group by 1, 2
    order by 1, 2`)
}

const isInMonth = (month: string) => isRowOf({ month, day: undefined }, sql`t.${sql.id(lakeTime)}`)

const isNamed = sql`d.day >= '0001-01-01' and d.day < '10000-01-01'`

/** Whether a row is one of these, by its time, in the form that an index can answer. */
export function isRowOf({ month, day }: RowsOf, time: RawBuilder<unknown>): RawBuilder<unknown> {
  if (month === noMonth) return sql`(${time} is null or ${time} < '0001-01-01' or ${time} >= '10000-01-01')`
  const begin = sql`${`${month}-${day ?? '01'}`}::timestamp`
  const length = day === undefined ? sql`interval '1 month'` : sql`interval '1 day'`
  return sql`(${time} >= ${begin} and ${time} < ${begin} + ${length})`
}
