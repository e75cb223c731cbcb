import { stat } from 'node:fs/promises'

import { askDuckDb } from '../fixtures/lake/duckdb-reader.js'
import { analyticsTable } from './data-lake.js'
import type { Database } from './database.js'

/** DuckDB as it is installed, with all cores. */
const ownSettings = {}

/** A table as one Parquet file, by what PostgreSQL and DuckDB have for it. */
export interface Conversion {
  /** Of `copy .. csv` into a file of the server, and of CSV to Parquet. */
  readonly milliseconds: number
  readonly copyMilliseconds: number
  readonly bytes: number
}

/**
 * One after the other: `copy (format csv)` by the server into a file, without a client, and DuckDB with all cores and its own settings, which
 * is told the types and to compress by zstd. `where` is SQL. Nothing is flushed to disk. Lists stay texts.
 */
export async function csvToParquet(
  database: Database,
  files: { csv: string; parquet: string },
  where = 'true',
) {
  const columns = await columnTypes(database)
  const list = columns.map(({ name }) => name).join(', ')
  const began = performance.now()
  await database.query(
    `copy (select ${list} from ${analyticsTable} where ${where}) to '${files.csv}' (format csv, null '\\N')`,
  )
  const copyMilliseconds = performance.now() - began
  const conversion = `copy (
    select *
    from read_csv('${files.csv}', auto_detect = false, header = false, delim = ',', quote = '"', escape = '"', nullstr = '\\N',
      allow_quoted_nulls = false, columns = {${columns.map(({ name, type }) => `'${name}': '${duckType(type)}'`).join(', ')}})
  ) to '${files.parquet}' (format parquet, compression zstd)`
  await askDuckDb(conversion, ownSettings)
  const milliseconds = performance.now() - began
  return { milliseconds, copyMilliseconds, bytes: (await stat(files.parquet)).size } satisfies Conversion
}

interface ColumnType {
  readonly name: string
  readonly type: string
}

const columnTypes = (database: Database) =>
  database.query<ColumnType & Record<string, string>>(`
    select attname::text as name, format_type(atttypid, atttypmod) as type
    from pg_attribute
    where attrelid = '${analyticsTable}'::regclass
      and attnum > 0
      and not attisdropped
    order by attnum`)

const duckTypes: Readonly<Record<string, string>> = {
  smallint: 'SMALLINT',
  integer: 'INTEGER',
  bigint: 'BIGINT',
  boolean: 'BOOLEAN',
  'double precision': 'DOUBLE',
  date: 'DATE',
  'timestamp(6) without time zone': 'TIMESTAMP',
  'timestamp with time zone': 'TIMESTAMPTZ',
}

/** As a lake has them, but for lists. */
const duckType = (type: string) =>
  duckTypes[type] ?? (/^numeric\(\d+,\d+\)$/.test(type) ? type.replace('numeric', 'DECIMAL') : 'VARCHAR')

/** The number of rows of some Parquet files, and a sum over the hashes of all columns but lists. */
export async function contentOfParquet(database: Database, files: string): Promise<string> {
  const columns = (await columnTypes(database)).filter(({ type }) => !type.endsWith('[]'))
  const rows = await askDuckDb(
    `select count(*) || ':' || sum(hash(${columns.map(({ name }) => name).join(', ')})) as content from read_parquet('${files}')`,
    ownSettings,
  )
  return String(rows[0]?.['content'])
}
