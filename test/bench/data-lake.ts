import { createChatwootSource } from '../../bin/demo/chatwoot-source.js'
import { migrate } from '../../lib/postgres/migrate/migrate.js'
import type { Bench } from './bench.js'
import type { Database, Pair } from './database.js'

export const analyticsTable = 'conversas_analytics'

/** Months that the rows are spread over, ending with the last whole one. */
export const monthsOfLake = 60

/** Different conversations of the demo: neither a month nor a group of rows of DuckDB, which are 122,880, has one of them twice. */
const mostConversations = 130_000

/** Rows as a load makes them of conversations with realistic texts, in the order of their times: as many in each month. */
export async function fillAnalytics(
  { rows, worker }: Pick<Bench, 'rows' | 'worker'>,
  { source, target }: Pair,
): Promise<void> {
  const conversations = Math.min(mostConversations, rows)
  await createChatwootSource(source.url, { conversations })
  await migrate({ target: target.url })
  await worker.sync({ source: source.url, target: target.url })
  const others = (await columnsOf(target)).filter((name) => !['conversation_id', time].includes(name))
  await target.query(`
    create table once as
    select row_number() over (order by conversation_id) as place, ${others.join(', ')}
    from ${analyticsTable}`)
  await target.query('alter table once add primary key (place)')
  await target.query(`truncate ${analyticsTable}`)
  await target.query(`
    insert into ${analyticsTable} (conversation_id, ${time}, ${others.join(', ')})
    select number, ${timeOf('number', rows)}, ${others.join(', ')}
    from (
      select times * ${conversations} + place as number, each.*
      from generate_series(0, ${Math.ceil(rows / conversations) - 1}) times
      cross join lateral (
        select *
        from once
        where times is not null
        order by place
      ) each
      limit ${rows}
    ) numbered`)
  await target.query('drop table once')
  await target.query(`vacuum analyze ${analyticsTable}`)
}

const time = 'conversation_created_at'

const begin = `date_trunc('month', now() at time zone 'UTC') - interval '${monthsOfLake} months'`

/** SQL: the time of a row by its number. */
function timeOf(number: string, rows: number): string {
  const place = `((${number} - 1) * ${monthsOfLake}::float8 / ${rows})`
  return `${begin} + floor(${place}) * interval '1 month' + (${place} - floor(${place})) * interval '27 days'`
}

export async function columnsOf(database: Database): Promise<string[]> {
  const listed = await database.query<{ name: string }>(`
    select attname::text as name
    from pg_attribute
    where attrelid = '${analyticsTable}'::regclass
      and attnum > 0
      and not attisdropped
    order by attnum`)
  return listed.map(({ name }) => name)
}

/** SQL: whether a row is in one of the months, counted from 0. */
export const isInMonths = (months: readonly number[]): string =>
  months
    .map(
      (month) =>
        `(${time} >= ${begin} + interval '${month} months' and ${time} < ${begin} + interval '${month + 1} months')`,
    )
    .join(' or ')
