import { migrate } from '../../lib/postgres/migrate/migrate.js'
import type { Database, Pair } from './database.js'
import { contentOf } from './database.js'

/** A table of made-up rows: `value` is SQL over the number `g` of the row. */
export interface TableData {
  readonly name: string
  readonly rows: number
  readonly columns: readonly { readonly name: string; readonly type: string; readonly value: string }[]
}

/** A table in the source, the same tables without rows in the target. */
export interface TablePair extends Pair {
  readonly data: TableData
  /** What `contentOf` gives for the source, whose rows never change. */
  readonly content: string
  /** How many bytes a row has as text, on average. */
  readonly bytesPerRow: number
}

const key = { name: 'id', type: 'integer', value: 'g' }
const stamp = { name: 'updated_at', type: 'timestamp(6)', value: stampOf('1 second') }

/** 117 columns, 2.8 KB a row as text: as wide as an analytics table of conversations. */
export const wide = (rows: number): TableData => ({
  name: 'wide',
  rows,
  columns: [
    key,
    stamp,
    ...many(23, (at) => ['i', 'integer', `(g * ${at + 7}) % 100000`]),
    ...many(26, (at) => ['t', 'text', `md5((g * ${at})::text) || repeat('á x', (g + ${at}) % 11)`]),
    ...many(11, (at) => ['ts', 'timestamp(6)', stampOf(`1.000${at}37 second`)]),
    ...many(44, (at) => ['b', 'boolean', `(g + ${at}) % 3 = 0`]),
    ...many(8, (at) => ['n', 'numeric', `round(g::numeric / ${at + 3}, 2)`]),
    { name: 'd', type: 'date', value: `date '2026-01-01' + g % 1000` },
    { name: 'u', type: 'uuid', value: 'md5(g::text)::uuid' },
    { name: 'j', type: 'jsonb', value: messages },
  ],
})

/** 20 columns, 400 bytes a row. */
export const narrow = (rows: number): TableData => ({
  name: 'narrow',
  rows,
  columns: [
    key,
    stamp,
    ...many(6, (at) => ['i', 'integer', `(g * ${at + 7}::bigint) % 100000`]),
    ...many(7, (at) => ['t', 'text', `md5((g * ${at}::bigint)::text) || repeat('x', (g + ${at}) % 11)`]),
    ...many(2, (at) => ['ts', 'timestamp(6)', stampOf(`1.000${at}37 second`)]),
    ...many(2, (at) => ['b', 'boolean', `(g + ${at}) % 3 = 0`]),
    ...many(1, () => ['n', 'numeric', 'round(g::numeric / 3, 2)']),
  ],
})

/** Rows of one long text each. */
export const fat = (rows: number, bytes: number): TableData => ({
  name: 'fat',
  rows,
  columns: [
    key,
    stamp,
    { name: 'body', type: 'text', value: `repeat(md5(g::text), ${Math.ceil(bytes / 32)})` },
  ],
})

/** Fills the source, and prepares the target for runs. */
export async function openTable(pair: Pair, data: TableData): Promise<TablePair> {
  const { source, target } = pair
  await createTable(source, data, data.name)
  const values = data.columns.map(({ value }) => value).join(',\n')
  await source.query(
    `insert into ${data.name} select ${values} from generate_series(1, ${data.rows}) g order by g`,
  )
  await source.query(`vacuum analyze ${data.name}`)
  await migrate({ target: target.url })
  const [size] = await source.query<{ bytes: number }>(
    `select avg(length(t::text))::float as bytes from (select * from ${data.name} order by id limit 1000) t`,
  )
  return {
    ...pair,
    data,
    content: await contentOf(source, namesOf(data), data.name),
    bytesPerRow: Math.round(size?.bytes ?? 0),
  }
}

export const namesOf = ({ columns }: TableData): string[] => columns.map(({ name }) => name)

/** An empty table in place of the one of that name. */
export async function createTable(database: Database, { columns }: TableData, name: string): Promise<void> {
  const columnList = columns.map((column) => `${column.name} ${column.type}`).join(', ')
  await database.query(`drop table if exists ${name}`)
  await database.query(`create table ${name} (${columnList}, primary key (id))`)
}

function many(
  count: number,
  column: (at: number) => readonly [prefix: string, type: string, value: string],
): TableData['columns'] {
  return Array.from({ length: count }, (_, at) => {
    const [prefix, type, value] = column(at)
    return { name: `${prefix}${at}`, type, value }
  })
}

function stampOf(step: string): string {
  return `timestamp '2026-01-01' + g * interval '${step}'`
}

/** Up to fifteen messages of a conversation. */
const messages = `(
  select jsonb_agg(jsonb_build_object('id', k, 'text', md5((g + k)::text), 'sender', 'User', 'private', false))
  from generate_series(1, g % 16) k
)`
