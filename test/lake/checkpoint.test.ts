import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { checkpointDelta, isCheckpointDue } from '../../lib/lake/checkpoint-delta.js'
import { removalOf, type DeltaFile } from '../../lib/lake/delta/actions.js'
import { commitDelta } from '../../lib/lake/delta/commit-delta.js'
import { readDelta } from '../../lib/lake/delta/read-delta.js'
import { newTable, shapeActions } from '../../lib/lake/delta/schema.js'
import { vacuumDelta } from '../../lib/lake/delta/vacuum-delta.js'
import { askDuckDb } from '../fixtures/lake/duckdb-reader.js'
import { openLakeFolder } from '../fixtures/lake/temporary.js'

const shape = newTable([
  { name: 'id', type: 'long' },
  { name: 'at', type: 'timestamp_ntz' },
])

const fileAt = (path: string): DeltaFile => ({
  ...{ path, partitionValues: { month: '2026-01' }, size: 1, modificationTime: 1, dataChange: true },
})

describe('a checkpoint', () => {
  /** A lake with this many versions, the last of which has one file. */
  async function openLong(versions: number) {
    const lake = await openLakeFolder()
    await commitDelta(lake, 0, [...shapeActions(shape), { add: fileAt('month=2026-01/0.parquet') }])
    for (let version = 1; version < versions; version += 1)
      await commitDelta(lake, version, [
        removalOf(fileAt(`month=2026-01/${version - 1}.parquet`), Date.now()),
        {
          add: { ...fileAt(`month=2026-01/${version}.parquet`), stats: '{"numRecords":1}', tags: { a: 'b' } },
        },
        { txn: { appId: 'mine', version } },
      ])
    return lake
  }
  const logOf = async ({ place }: { readonly place: string }) =>
    (await readdir(join(place, '_delta_log'))).sort()

  it('is due after twenty versions, and changes nothing that is read', async () => {
    await using lake = await openLong(20)
    const before = await readDelta(lake)
    expect(before && isCheckpointDue(before)).toBe(true)
    await checkpointDelta(lake)
    const after = await readDelta(lake)
    expect(after && isCheckpointDue(after)).toBe(false)
    const file = { ...before?.files.get('month=2026-01/19.parquet'), dataChange: false }
    expect(after).toMatchObject({ version: 19, checkpoint: 19, metadata: before?.metadata })
    expect([...(after?.files.values() ?? [])]).toEqual([file])
    expect(after?.transactions).toEqual(before?.transactions)
    expect([...(after?.removed.keys() ?? [])]).toEqual([...(before?.removed.keys() ?? [])])
    await commitDelta(lake, 20, [removalOf(fileAt('month=2026-01/19.parquet'), Date.now())])
    expect((await readDelta(lake))?.files.size).toBe(0)
  })

  it('holds the table for readers of Delta', async () => {
    await using lake = await openLong(3)
    await checkpointDelta(lake)
    const [file, ...more] = (await logOf(lake)).filter((name) => name.endsWith('.parquet'))
    expect([file, more]).toEqual(['00000000000000000002.checkpoint.parquet', []])
    const rows = await askDuckDb(
      `select to_json(c) as action from read_parquet('${lake.place}/_delta_log/${file}') c`,
    )
    const actions = rows.map(({ action }) => JSON.parse(String(action)))
    expect(actions).toMatchObject([
      { protocol: { minReaderVersion: 3, readerFeatures: ['timestampNtz'] }, add: null },
      {
        metaData: {
          schemaString: shape.metadata.schemaString,
          partitionColumns: ['month'],
          format: { provider: 'parquet' },
        },
      },
      { txn: { appId: 'mine', version: 2 } },
      {
        add: {
          path: 'month=2026-01/2.parquet',
          partitionValues: { month: '2026-01' },
          stats: '{"numRecords":1}',
          tags: { a: 'b' },
        },
      },
      { remove: { path: 'month=2026-01/0.parquet', dataChange: false } },
      { remove: { path: 'month=2026-01/1.parquet' } },
    ])
    expect(JSON.parse((await lake.read('_delta_log/_last_checkpoint')) ?? '')).toEqual({
      version: 2,
      size: 6,
    })
  })

  it('of another table is none', async () => {
    await using lake = await openLong(3)
    await checkpointDelta(lake)
    await lake.remove((await logOf(lake)).map((name) => `_delta_log/${name}`))
    expect(await readDelta(lake)).toBeUndefined()
    for (const version of [0, 1, 2])
      await commitDelta(lake, version, version === 0 ? shapeActions(shape) : [])
    expect(await readDelta(lake)).toMatchObject({ version: 2, checkpoint: -1, files: new Map() })
  })

  it('lets a vacuum remove the versions before it, and no others', async () => {
    await using lake = await openLong(4)
    await checkpointDelta(lake)
    await commitDelta(lake, 4, [])
    const table = await readDelta(lake)
    if (!table) throw new Error('There is no table.')
    await vacuumDelta(lake, table, new Date(Date.now() - 60_000))
    expect(await logOf(lake)).toHaveLength(7)
    await vacuumDelta(lake, table, new Date(Date.now() + 60_000))
    expect(await logOf(lake)).toEqual([
      '00000000000000000003.checkpoint.parquet',
      '00000000000000000003.json',
      '00000000000000000004.json',
      '_last_checkpoint',
    ])
    const after = await readDelta(lake)
    expect(after).toMatchObject({ version: 4, checkpoint: 3 })
    expect([...(after?.files.keys() ?? [])]).toEqual(['month=2026-01/3.parquet'])
  })
})
