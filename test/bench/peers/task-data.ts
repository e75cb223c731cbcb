import { sql } from 'kysely'

import { createChatwootSource } from '../../../bin/demo/chatwoot-source.js'
import { rowColumns } from '../../../lib/chatwoot/columns.js'
import { sqlFile } from '../../../lib/chatwoot/feeds.js'
import { compile } from '../../../lib/postgres/driver/statement.js'
import { migrate } from '../../../lib/postgres/migrate/migrate.js'
import { openDatabase, type Database, type Pair } from '../database.js'
import type { Task } from './peer.js'

/** The table that is copied, in a database of its own. */
export interface TaskData {
  readonly source: Database
  readonly task: Pick<Task, 'source' | 'table' | 'key' | 'changedAt' | 'columns'>
  readonly rows: number
  readonly bytes: number
  /** Changes a thousand rows, or a tenth of few, all over the table, and stamps them with the time of the server. */
  change(): Promise<void>
  /** Something else is written, as in any database that is in use. */
  live(): Promise<void>
  /** As before the first change. */
  restore(): Promise<void>
}

const table = 'conversation_rows'
const key = 'conversation_id'
const changedAt = 'conversation_updated_at'

/** The rows of a Chatwoot of the demo, as the view of a data warehouse would show them, in a table: nobody pays for computing them. */
export async function openTaskData({ source, target }: Pair, rows: number): Promise<TaskData> {
  // An hour ago, so that none of it counts as changed just now.
  const now = new Date(Date.now() - 3_600_000).toISOString()
  await createChatwootSource(source.url, { conversations: rows, now })
  await migrate({ target: target.url })
  const columns = await columnsOf(target)
  await fill(source, columns)
  const [size] = await source.query<{ bytes: string }>(`select pg_table_size('${table}')::text as bytes`)
  return {
    source,
    task: { source: source.url, table, key, changedAt, columns },
    rows,
    bytes: Number(size?.bytes),
    change: () => change(source, rows),
    live: async () => {
      await source.query('update elsewhere set at = clock_timestamp()')
    },
    restore: () => restore(source),
  }
}

/** With the types that they have in the table of this package. Arrays are left out: ingestr does not merge them. */
async function columnsOf(target: Database): Promise<Task['columns']> {
  const found = await target.query<{ name: string; type: string }>(
    `select attname::text as name, format_type(atttypid, atttypmod) as type
     from pg_attribute
     where attrelid = 'conversas_analytics'::regclass and attname = any($1::text[])
       and format_type(atttypid, atttypmod) not like '%[]'
     order by attnum`,
    [rowColumns],
  )
  return found
}

async function fill(source: Database, columns: Task['columns']): Promise<void> {
  const names = columns.map(({ name }) => name).join(', ')
  const [zones] = await source.query<{ known: string }>(
    `select array(select name from pg_timezone_names)::text as known`,
  )
  const row = sqlFile('conversation-row.sql', { time_zone: null, known_time_zones: zones?.known ?? '{}' })
  const rows = compile(sql`(${row}) r`)
  await source.query(
    `create table ${table} (${columns.map(({ name, type }) => `${name} ${type}`).join(', ')})`,
  )
  await source.query(
    `insert into ${table} (${names}) select ${names} from ${rows.sql} order by ${key}`,
    rows.parameters,
  )
  await source.query(`alter table ${table} add primary key (${key})`)
  await source.query(`create index on ${table} (${changedAt})`)
  await source.query(`create table as_at_first as select ${key}, status, ${changedAt} from ${table}`)
  await source.query('create table elsewhere as select clock_timestamp() as at')
  await source.query('vacuum analyze')
}

async function change(source: Database, rows: number): Promise<void> {
  await source.query(
    `update ${table}
     set status = (status + 1) % 4, ${changedAt} = clock_timestamp() at time zone 'UTC'
     where ${key} in (
       select ${key}
       from (select ${key}, row_number() over (order by ${key}) as place from ${table}) numbered
       where place % greatest($1::integer / 1000, 10) = 0
     )`,
    [rows],
  )
  await source.query(`analyze ${table}`)
}

async function restore(source: Database): Promise<void> {
  await source.query(
    `update ${table} r
     set status = f.status, ${changedAt} = f.${changedAt}
     from as_at_first f
     where f.${key} = r.${key} and r.${changedAt} <> f.${changedAt}`,
  )
  await source.query(`vacuum analyze ${table}`)
}

/** Rows, keys, stamps, numbers and texts, as every tool has to keep them. */
export async function digest(
  url: string,
  from: string,
  { key, changedAt, columns }: Pick<Task, 'key' | 'changedAt' | 'columns'>,
): Promise<string> {
  await using database = openDatabase(url)
  const texts = columns.filter(({ type }) => type === 'text').map(({ name }) => `nullif(${name}, '')`)
  const numbers = columns.filter(({ type }) => type === 'integer').map(({ name }) => `${name}::bigint`)
  const stamp = `extract(epoch from ${changedAt})::numeric(20, 6)`
  const values = [`${key}::bigint`, stamp, ...numbers, ...texts].join(', ')
  const [found] = await database.query<{ digest: string }>(
    `select count(*) || ':' || coalesce(sum(hashtextextended(row(${values})::text, 0)), 0) as digest from ${from}`,
  )
  return found?.digest ?? ''
}
