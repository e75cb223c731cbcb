import { readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, it } from 'vitest'

import { removalOf, type DeltaFile } from '../../lib/lake/delta/actions.js'
import { commitDelta } from '../../lib/lake/delta/commit-delta.js'
import { readDelta } from '../../lib/lake/delta/read-delta.js'
import { fieldsOf, grownTable, newTable, shapeActions } from '../../lib/lake/delta/schema.js'
import { vacuumDelta } from '../../lib/lake/delta/vacuum-delta.js'
import { askDuckDb, duckDbChecksums } from '../fixtures/lake/duckdb-reader.js'
import { createHostileTable, postgresChecksums } from '../fixtures/lake/hostile-table.js'
import { openLakeFolder } from '../fixtures/lake/temporary.js'
import { writeLake } from '../fixtures/lake/write-lake.js'
import { cloneDatabase } from '../setup/database.js'

const shape = newTable([
  { name: 'id', type: 'long' },
  { name: 'at', type: 'timestamp_ntz' },
])

const fileAt = (path: string): DeltaFile => ({
  ...{ path, partitionValues: { month: '2026-01' }, size: 1, modificationTime: 1, dataChange: true },
})

/** The files of the newest version, as a list for DuckDB. */
async function filesOf(storage: Awaited<ReturnType<typeof openLakeFolder>>) {
  const table = await readDelta(storage)
  const paths = [...(table?.files.keys() ?? [])].map((path) => `'${storage.place}/${path}'`)
  return `read_parquet([${paths.join(', ')}], union_by_name = true, hive_partitioning = true)`
}

it('is there from its first version on, and knows its files, writers and schema', async () => {
  await using lake = await openLakeFolder()
  expect(await readDelta(lake)).toBeUndefined()
  const first = [...shapeActions(shape), { add: fileAt('month=2026-01/a.parquet') }]
  expect(await commitDelta(lake, 0, first)).toBe(true)
  const second = [
    removalOf(fileAt('month=2026-01/a.parquet'), 5),
    { add: fileAt('month=2026-01/b.parquet') },
    { txn: { appId: 'mine', version: 7 } },
  ]
  expect(await commitDelta(lake, 1, second)).toBe(true)
  const table = await readDelta(lake)
  expect(table).toMatchObject({
    version: 1,
    protocol: { minReaderVersion: 3, readerFeatures: ['timestampNtz'] },
  })
  expect([...(table?.files.keys() ?? [])]).toEqual(['month=2026-01/b.parquet'])
  expect(table?.removed.get('month=2026-01/a.parquet')).toMatchObject({ deletionTimestamp: 5 })
  expect(table?.transactions.get('mine')).toBe(7)
  expect(table && fieldsOf(table.metadata).map(({ name }) => name)).toEqual(['id', 'at', 'month'])
  expect(table?.metadata.partitionColumns).toEqual(['month'])
})

it('lets one of many writers write a version, whole', async () => {
  await using lake = await openLakeFolder()
  await commitDelta(lake, 0, shapeActions(shape))
  const writers = Array.from({ length: 8 }, (_, index) =>
    commitDelta(lake, 1, [{ add: fileAt(`month=2026-01/${index}.parquet`) }]),
  )
  const committed = await Promise.all(writers)
  expect(committed.filter(Boolean)).toHaveLength(1)
  const table = await readDelta(lake)
  expect([...(table?.files.keys() ?? [])]).toEqual([`month=2026-01/${committed.indexOf(true)}.parquet`])
  expect(await readdir(lake.staging)).toEqual([])
})

it('needs no feature without times that have no zone', () => {
  const plain = newTable([{ name: 'id', type: 'long' }])
  expect(plain.protocol).toEqual({ minReaderVersion: 1, minWriterVersion: 2 })
  const grown = grownTable(plain, [
    { name: 'id', type: 'long' },
    { name: 'at', type: 'timestamp_ntz' },
  ])
  expect(shapeActions(grown, plain)).toEqual([{ protocol: shape.protocol }, { metaData: grown.metadata }])
})

it('grows by columns at the end, keeps those that are no more, and takes no other type', () => {
  const fields = [
    { name: 'at', type: 'timestamp_ntz' },
    { name: 'labels', type: { type: 'array', elementType: 'string', containsNull: true } as const },
  ]
  const grown = grownTable(shape, fields)
  expect(fieldsOf(grown.metadata).map(({ name }) => name)).toEqual(['id', 'at', 'month', 'labels'])
  expect(grown.metadata.id).toBe(shape.metadata.id)
  expect(grownTable(grown, fields)).toBe(grown)
  expect(shapeActions(grown, grown)).toEqual([])
  expect(() => grownTable(grown, [{ name: 'labels', type: 'string' }])).toThrow(
    expect.objectContaining({
      code: 'LAKE_TYPE_CHANGED',
      message: expect.stringContaining('labels was array of string and is string'),
    }),
  )
})

it.each([['a b'], ['a,b'], ['a=b'], ['month'], ['ID'], ['a\nb']])('takes no column %j', (name) => {
  const fields = [
    { name: 'id', type: 'long' },
    { name, type: 'string' },
  ]
  expect(() => newTable(fields)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
})

it('does not go on where another program has changed the table', async () => {
  const change = async (line: object, file = 1) => {
    await using lake = await openLakeFolder()
    await commitDelta(lake, 0, shapeActions(shape))
    const path = join(lake.place, '_delta_log', `${String(file).padStart(20, '0')}.json`)
    await writeFile(path, `${JSON.stringify(line)}\n`)
    return await readDelta(lake).then(JSON.stringify, (error: unknown) => String(error))
  }
  const features = { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ['deletionVectors'] }
  expect(await change({ protocol: { ...features, writerFeatures: ['deletionVectors'] } })).toContain(
    'another program has turned on the feature deletionVectors',
  )
  expect(await change({ protocol: { minReaderVersion: 2, minWriterVersion: 5 } })).toContain(
    'reader version 2',
  )
  expect(await change({ txn: { appId: 'x', version: 1 } }, 2)).toContain('its log lacks version 1')
  expect(await change({ domainMetadata: { domain: 'x' } })).toContain('"version":1')
})

it('removes what no version needs, and nothing that is younger', async () => {
  await using lake = await openLakeFolder()
  const put = async (path: string, age: number) => {
    const local = join(lake.staging, 'x')
    await writeFile(local, path)
    await lake.put(path, local)
    const at = new Date(Date.now() - age * 1000)
    await utimes(join(lake.place, path), at, at)
  }
  const [now, removed, recent, orphan, fresh] = ['now', 'removed', 'recent', 'orphan', 'fresh'].map(
    (name) => `month=2026-01/${name}.parquet`,
  )
  for (const path of [now, removed, recent, orphan]) await put(String(path), 3600)
  await put(String(fresh), 0)
  await writeFile(join(lake.place, 'notes.txt'), 'of somebody')
  await writeFile(join(lake.staging, 'unfinished'), '')
  await utimes(join(lake.staging, 'unfinished'), 1, 1)
  await commitDelta(lake, 0, [
    ...shapeActions(shape),
    { add: fileAt(String(now)) },
    removalOf(fileAt(String(removed)), Date.now() - 3_000_000),
    removalOf(fileAt(String(recent)), Date.now()),
  ])
  const table = await readDelta(lake)
  if (!table) throw new Error('There is no table.')
  const before = new Date(Date.now() - 1_800_000)
  expect(await vacuumDelta(lake, table, before)).toEqual({
    files: 2,
    bytes: String(removed).length + String(orphan).length,
  })
  const left: string[] = []
  for await (const { path } of lake.list('')) left.push(path)
  expect(left).toEqual(['_delta_log/00000000000000000000.json', fresh, now, recent, 'notes.txt'])
  expect(await readdir(lake.staging)).toEqual([])
})

it('holds the table month by month, after months are written again too', async () => {
  await using database = await cloneDatabase('target', 'template0')
  await using lake = await openLakeFolder()
  await createHostileTable(database, 300, 100_000)
  const of = { url: database.url, table: 'hostile', time: 'created' }
  expect(await writeLake(lake, of)).toBe(true)
  expect(await duckDbChecksums(await filesOf(lake))).toEqual(await postgresChecksums(database))

  await database.query(`update hostile set note = 'changed' where created < '2026-03-01'`)
  await database.query(`delete from hostile where id % 7 = 0 and created < '2026-03-01'`)
  await database.query('alter table hostile add column added text')
  expect(await writeLake(lake, { ...of, months: ['2026-01', '2026-02'] })).toBe(true)
  expect(await duckDbChecksums(await filesOf(lake))).toEqual(await postgresChecksums(database))
  const months = await askDuckDb(`select distinct month from ${await filesOf(lake)} order by 1`)
  expect(months.map(({ month }) => month)).toEqual([
    ...['0000-00', '2026-01', '2026-02', '2026-03', '2026-04', '2026-05', '2026-06'],
  ])
  const table = await readDelta(lake)
  expect(table && fieldsOf(table.metadata).at(-1)).toMatchObject({ name: 'added', type: 'string' })
})

it('names nobody in its log', async () => {
  await using database = await cloneDatabase('target', 'template0')
  await using lake = await openLakeFolder()
  await database.query('create table t (id integer primary key, at timestamp, name text, labels text[])')
  await database.query(`insert into t values
    (1, '2026-01-01 00:00:00.000001', 'Planted Person', '{planted}'),
    (2, '2026-01-31 23:59:59.999999', 'Planted Person', '{planted}')`)
  await writeLake(lake, { url: database.url, table: 't', time: 'at' })
  const log = await readFile(join(lake.place, '_delta_log', `${'0'.repeat(20)}.json`), 'utf8')
  expect(log).not.toMatch(/planted/i)
  const table = await readDelta(lake)
  const [file] = [...(table?.files.values() ?? [])]
  expect(JSON.parse(file?.stats ?? '')).toEqual({
    numRecords: 2,
    minValues: { id: 1, at: '2026-01-01T00:00:00.000' },
    maxValues: { id: 2, at: '2026-02-01T00:00:00.000' },
    nullCount: { id: 0, at: 0, name: 0 },
  })
})
