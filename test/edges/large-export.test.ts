import { expect, it } from 'vitest'

import { askDuckDb } from '../fixtures/lake/duckdb-reader.js'
import { openTemporary } from '../fixtures/lake/temporary.js'
import { openShell, settings } from '../fixtures/cli-fixture.js'
import { cloneDatabase, type TestDatabase } from '../setup/database.js'
import { peakMemory } from '../fixtures/peak-memory.js'

const mebibyte = 1024 * 1024

/** The rows of a table in a Parquet file, and the most memory that the command had. */
async function exported(database: TestDatabase, folder: string): Promise<number> {
  await using shell = await openShell()
  const file = `${folder}/t.parquet`
  const { child, ended } = shell.start(
    ['export', '--table', 't', '--to', file, '--quiet'],
    settings('LOCAL', database),
  )
  const peak = peakMemory(child)
  expect(await ended).toMatchObject({ code: 0, stderr: '' })
  const wanted = await database.query(
    'select id, octet_length(body) as bytes, md5(body) as digest from t order by id',
  )
  const found = await askDuckDb(
    `select id, octet_length(encode(body))::integer as bytes, md5(body) as digest from read_parquet('${file}') order by id`,
  )
  expect(found).toEqual(wanted)
  return peak()
}

it('a row with a text of 64 MB arrives', async () => {
  await using database = await cloneDatabase('target', 'template0')
  await using folder = await openTemporary()
  await database.query('create table t (id integer primary key, body text)')
  await database.query(
    `insert into t select n, case n when 3 then repeat('"é,' || E'\\n', $1::integer / 5) else 'x' end from generate_series(1, 5) n`,
    [64 * mebibyte],
  )
  expect(await exported(database, folder.path)).toBeLessThan(1000 * mebibyte)
})

it('a table of hundreds of megabytes of quoted texts needs no more memory than a small one', async () => {
  await using database = await cloneDatabase('target', 'template0')
  await using folder = await openTemporary()
  await database.query('create table t (id integer primary key, body text)')
  await database.query(
    `insert into t select n, n || repeat('"a": "b", ' || E'\\n', 600) from generate_series(1, 40000) n`,
  )
  expect(await exported(database, folder.path)).toBeLessThan(300 * mebibyte)
})
