import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, it } from 'vitest'

import { exportConversations, type ExportOptions } from '../../lib/index.js'
import { askDuckDb, duckDbChecksums } from '../fixtures/lake/duckdb-reader.js'
import { createHostileTable, postgresChecksums } from '../fixtures/lake/hostile-table.js'
import { openTemporary } from '../fixtures/lake/temporary.js'
import { cloneDatabase } from '../setup/database.js'
import { openPool } from '../setup/pool.js'

/** A database with a table of this definition and these rows, and what an export to Parquet holds of it. */
async function openTable(definition: string, ...rows: string[]) {
  const database = await cloneDatabase('target', 'template0')
  await database.query(`create table t (${definition})`)
  for (const row of rows) await database.query(`insert into t values (${row})`)
  const temporary = await openTemporary()
  const folder = temporary.path
  return {
    ...database,
    folder,
    [Symbol.asyncDispose]: async () => {
      await temporary[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
    },
    exported: (options: Partial<ExportOptions> = {}) =>
      exportConversations({ target: database.url, table: 't', to: join(folder, 'a.parquet'), ...options }),
    read: (select = '*') => askDuckDb(`select ${select} from read_parquet('${folder}/a.parquet')`),
  }
}

it('holds every value of every type exactly', async () => {
  await using database = await cloneDatabase('target', 'template0')
  await createHostileTable(database, 700, 1_000_000)
  await using folder = await openTemporary()
  const file = folder.file('hostile.parquet')
  const report = await exportConversations({ target: database.url, table: 'hostile', to: file })
  expect(report).toMatchObject({ rows: 700, columns: 24, rowsOutOfRange: 0, format: 'parquet' })
  expect(await duckDbChecksums(`read_parquet('${file}')`)).toEqual(await postgresChecksums(database))
})

it('has types that readers of any language take', async () => {
  await using at =
    await openTable(`id integer primary key, s smallint, b bigint, f boolean, r real, d double precision,
    n numeric(12,3), m numeric(38,0), n39 numeric(39,0), negative numeric(3,-2), any_size numeric, day date, at timestamp(3),
    zoned timestamptz, t text, v varchar(9), c char(4), u uuid, j json, jb jsonb, x bytea, i interval, labels text[],
    numbers integer[], longs bigint[], flags boolean[], times timestamp[]`)
  await at.exported()
  const described = await askDuckDb(`describe select * from read_parquet('${at.folder}/a.parquet')`)
  expect(Object.fromEntries(described.map((row) => [row['column_name'], row['column_type']]))).toEqual({
    ...{ id: 'INTEGER', s: 'SMALLINT', b: 'BIGINT', f: 'BOOLEAN', r: 'FLOAT', d: 'DOUBLE' },
    ...{ n: 'DECIMAL(12,3)', m: 'DECIMAL(38,0)', n39: 'VARCHAR', negative: 'VARCHAR', any_size: 'VARCHAR' },
    ...{
      day: 'DATE',
      at: 'TIMESTAMP',
      zoned: 'TIMESTAMP WITH TIME ZONE',
      t: 'VARCHAR',
      v: 'VARCHAR',
      c: 'VARCHAR',
    },
    ...{ u: 'VARCHAR', j: 'VARCHAR', jb: 'VARCHAR', x: 'VARCHAR', i: 'VARCHAR', labels: 'VARCHAR[]' },
    ...{ numbers: 'INTEGER[]', longs: 'BIGINT[]', flags: 'VARCHAR[]', times: 'VARCHAR[]' },
    values_out_of_range: 'VARCHAR',
  })
})

it('keeps NULL, an empty text and what reads like NULL apart', async () => {
  await using at = await openTable(
    'id integer primary key, t text, l text[]',
    `1, null, null`,
    `2, '', '{}'`,
    `3, '\\N', array['\\N', null, '', 'null']`,
  )
  await at.exported()
  expect(await at.read('t, l')).toEqual([
    { t: null, l: null },
    { t: '', l: [] },
    { t: '\\N', l: ['\\N', null, '', 'null'] },
  ])
})

it('says of a value that Parquet cannot hold what it was', async () => {
  await using at = await openTable(
    'id integer primary key, day date, at timestamp, zoned timestamptz, n numeric(5,2), l text[]',
    `1, '2026-01-31', '9999-12-31 23:59:59.999999', '1900-01-01 00:00:00+00', 1.50, '{a}'`,
    `2, 'infinity', '-infinity', '294276-12-31 00:00:00+00', 'NaN', '{{a,b},{c,d}}'`,
    `3, '0044-03-15 BC', '1899-12-31 23:59:59.999999', '10000-01-01 00:00:00+00', null, '[0:1]={a,b}'`,
    `4, null, null, null, null, null`,
  )
  expect(await at.exported()).toMatchObject({ rows: 4, rowsOutOfRange: 2 })
  const rows = await at.read('day, "at", zoned, n, l, values_out_of_range::json as beyond')
  const nothing = { day: null, at: null, zoned: null, n: null, l: null }
  expect(rows).toEqual([
    {
      ...{ day: '2026-01-31', at: '9999-12-31 23:59:59.999999', zoned: '1900-01-01 00:00:00+00', n: '1.50' },
      ...{ l: ['a'], beyond: null },
    },
    { ...nothing, beyond: expect.any(String) },
    { ...nothing, beyond: expect.any(String) },
    { ...nothing, beyond: null },
  ])
  expect(rows.slice(1, 3).map(({ beyond }) => JSON.parse(String(beyond)))).toEqual([
    {
      ...{
        day: 'infinity',
        at: '-infinity',
        zoned: '294276-12-31 00:00:00+00',
        n: 'NaN',
        l: '{{a,b},{c,d}}',
      },
    },
    {
      ...{ day: '0044-03-15 BC', at: '1899-12-31 23:59:59.999999', zoned: '10000-01-01 00:00:00+00' },
      l: '[0:1]={a,b}',
    },
  ])
})

it('writes times without a zone as points in time where it is asked to', async () => {
  await using at = await openTable('id integer primary key, at timestamp', `1, '2026-06-01 12:00:00.123456'`)
  await at.exported({ timestamps: 'utc' })
  expect(await at.read('typeof("at") as type, "at"::varchar as text')).toEqual([
    { type: 'TIMESTAMP WITH TIME ZONE', text: '2026-06-01 12:00:00.123456+00' },
  ])
})

it('takes a table without rows, and one without a key', async () => {
  await using at = await openTable('a integer, b text')
  expect(await at.exported()).toMatchObject({ rows: 0, columns: 2 })
  expect(await at.read()).toEqual([])
  await at.query(`insert into t values (2, 'x'), (1, 'y')`)
  expect(await at.exported()).toMatchObject({ rows: 2 })
  expect(await at.read()).toHaveLength(2)
})

it('takes names that SQL has to quote, in folders whose names are patterns', async () => {
  await using at = await openTable(
    `"id" integer primary key, "a ""b"", 'c'" text, "select" text, "É $1" text`,
    `1, 'x', 'y', 'z'`,
  )
  const folder = join(at.folder, "it's [a] *?")
  await mkdir(folder)
  await at.exported({ to: join(folder, 'x.parquet') })
  const [row] = await askDuckDb(`select * from read_parquet('${at.folder}/it''s [[]a] [*][?]/x.parquet')`)
  expect(row).toEqual({ id: 1, [`a "b", 'c'`]: 'x', select: 'y', 'É $1': 'z' })
})

it('reads by a Kysely and by a pool as by a connection string', async () => {
  await using database = await cloneDatabase('target', 'template0')
  await createHostileTable(database, 100, 3_000_000)
  await using folder = await openTemporary()
  const wanted = await postgresChecksums(database)
  const { Kysely, PostgresDialect } = await import('kysely')
  const pool = openPool({ connectionString: database.url })
  const target = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
  await exportConversations({ target, table: 'hostile', to: folder.file('kysely.parquet') })
  await exportConversations({ target: pool, table: 'hostile', to: folder.file('pool.parquet') })
  await target.destroy()
  for (const name of ['kysely', 'pool'])
    expect(await duckDbChecksums(`read_parquet('${folder.file(name)}.parquet')`), name).toEqual(wanted)
})

it('leaves nothing but the file', async () => {
  await using at = await openTable('id integer primary key, t text', `1, 'x'`)
  await at.exported()
  expect(await readdir(at.folder)).toEqual(['a.parquet'])
})
