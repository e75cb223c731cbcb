import { sql, type CompiledQuery, type RawBuilder } from 'kysely'

import { tableOf } from '../driver/catalog.js'
import { onlyRow, compile } from '../driver/statement.js'
import type { TableName } from '../driver/search-path.js'
import type { Session } from '../driver/session.js'
import { restMonth } from './copy-table.js'
import { partitionTime, type RebuiltTable } from './rebuilt-table.js'

/** Number of rows, and the sum of a hash of each. */
export interface RowSums {
  readonly rows: string
  readonly hash: string
}

/** Copies the rows of one month into a table, and returns what was written; the table of a copy has no trigger that could change them. */
export function copyMonth(
  { columns, ...table }: Pick<RebuiltTable, 'schema' | 'name' | 'columns'>,
  month: string,
  into: TableName,
): CompiledQuery<RowSums> {
  const names = sql.join(columns.stored.map((name) => sql.id(name)))
  return compile(sql<RowSums>`
    with written as (
      insert into ${tableOf(into)} as w (${names})
      select ${names}
      from ${tableOf(table)} s
      where ${isInMonth(month)}
      returning hashtextextended(w::text, 0) as hash
    )
    select ${sumsOf(sql`hash`)}
    from written`)
}

export const emptyMonth = (table: TableName, month: string): CompiledQuery =>
  compile(sql`
    delete from ${tableOf(table)} s
    where ${isInMonth(month)}`)

/** The same of the rows of the table that is copied. */
export const sumMonth = (table: TableName, month: string): CompiledQuery<RowSums> =>
  compile(sql<RowSums>`
    select ${sumsOf(sql`hashtextextended(s::text, 0)`)}
    from ${tableOf(table)} s
    where ${isInMonth(month)}`)

const sumsOf = (hash: RawBuilder<unknown>) => sql`
      count(*)::text as rows,
      coalesce(sum(${hash}), 0)::text as hash`

/** In the form that an index can answer. */
function isInMonth(month: string): RawBuilder<unknown> {
  const time = sql`s.${sql.id(partitionTime)}`
  if (month === restMonth) return sql`(${time} < '0001-01-01' or ${time} >= '10000-01-01')`
  const begin = sql`${`${month}-01`}::timestamp`
  return sql`${time} >= ${begin} and ${time} < ${begin} + interval '1 month'`
}

/** The months of the rows, with how many each has; `restMonth` for those that none has. */
export async function countMonths(target: Session, table: TableName): Promise<ReadonlyMap<string, number>> {
  const rows = await target.rows(
    compile(sql<{ month: string; rows: string }>`
      select
        case
          when m.month >= '0001-01-01' and m.month < '10000-01-01' then to_char(m.month, 'YYYY-MM')
          else ${sql.lit(restMonth)}
        end as month,
        sum(m.rows)::text as rows
      from (
        select date_trunc('month', s.${sql.id(partitionTime)}) as month, count(*) as rows
        from ${tableOf(table)} s
        group by 1
      ) m
      group by 1
      order by 1`),
  )
  return new Map(rows.map(({ month, rows: count }) => [month, Number(count)]))
}

/** What keeps the rows themselves from being copied, and what of the new table depends on them. */
export interface RowFacts {
  readonly rows: number
  /** Rows without a time. */
  readonly withoutTime: number
  /** Rows whose `conversation_date` is further than a day from their month. */
  readonly datesApart: number
  /** With indexes and large values. */
  readonly bytes: number
}

export async function readRowFacts(
  target: Session,
  table: Pick<RebuiltTable, 'schema' | 'name' | 'oid' | 'columns'>,
): Promise<RowFacts> {
  const time = sql`s.${sql.id(partitionTime)}`
  const isApart = table.columns.hasDate
    ? sql`
        ${time} >= '0001-01-01'
        and ${time} < '10000-01-01'
        and not (
          s.conversation_date between (date_trunc('month', ${time}) - interval '1 day')::date
            and (date_trunc('month', ${time}) + interval '1 month')::date
        )`
    : sql`false`
  const row = onlyRow(
    await target.rows(
      compile(sql<Record<keyof RowFacts, string>>`
        select
          count(*)::text as "rows",
          (count(*) filter (where ${time} is null))::text as "withoutTime",
          (count(*) filter (where ${isApart}))::text as "datesApart",
          (
            select sum(pg_total_relation_size(t.oid))
            from (
              select ${table.oid}::oid
              union
              select relid::oid
              from pg_partition_tree(${table.oid}::oid)
            ) t (oid)
          )::text as bytes
        from ${tableOf(table)} s`),
    ),
  )
  return {
    rows: Number(row.rows),
    withoutTime: Number(row.withoutTime),
    datesApart: Number(row.datesApart),
    bytes: Number(row.bytes),
  }
}

/** How many keys the table holds more than once. */
export async function countDoubleKeys(target: Session, table: TableName, key: string): Promise<number> {
  const row = onlyRow(
    await target.rows(
      compile(sql<{ keys: string }>`
        select count(*)::text as keys
        from (
          select 1
          from ${tableOf(table)} s
          group by s.${sql.id(key)}
          having count(*) > 1
        ) d`),
    ),
  )
  return Number(row.keys)
}

export const analyze = (table: TableName): CompiledQuery => compile(sql`analyze ${tableOf(table)}`)
