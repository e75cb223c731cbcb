import { expect, it } from 'vitest'

import { commitDelta } from '../../lib/lake/delta/commit-delta.js'
import { openFolder } from '../../lib/lake/storage/folder.js'
import { openLake, rowsOfLake, tableOfLake } from '../fixtures/lake-fixture.js'
import { insertConversation } from '../fixtures/sync-fixture.js'

/** A lake to which January alone belongs: its files are marked as an archive's, and the table no longer has its rows. */
async function openArchive() {
  const at = await openLake()
  await at.replicate()
  await using storage = await openFolder(at.to)
  const { version, files, metadata } = await tableOfLake(at.to)
  const configuration = { ...metadata.configuration, 'chatwootSync.archivedMonths': '2026-01' }
  const own = [...files.values()].filter(({ partitionValues }) => partitionValues['month'] === '2026-01')
  await commitDelta(storage, version + 1, [
    { metaData: { ...metadata, configuration } },
    ...own.map((file) => ({
      add: { ...file, dataChange: false, tags: { ...file.tags, 'chatwootSync.archived': 'true' } },
    })),
  ])
  await at.target.query('delete from conversas_analytics where conversation_id in (1, 2)')
  const ids = async () => (await rowsOfLake(at.to)).map((row) => JSON.parse(row)[0]).sort()
  return Object.assign(at, { ids })
}

it('no mark, check, repair or vacuum empties a month that belongs to the lake alone', async () => {
  await using at = await openArchive()
  expect(await at.marks()).toEqual(['2026-01'])
  expect(await at.replicate({ vacuum: 0 })).toMatchObject({ months: [], rowsTotal: 4, filesArchived: 1 })
  expect(await at.marks()).toEqual([])
  expect(await at.replicate({ check: true })).toMatchObject({ differences: [], filesArchived: 1 })
  expect(await at.replicate({ repair: true, vacuum: 0 })).toMatchObject({ months: [], filesArchived: 1 })
  await at.target.query('truncate conversas_analytics')
  expect(await at.replicate({ sinceScratch: true, vacuum: 0 })).toMatchObject({
    rowsTotal: 2,
    filesArchived: 1,
  })
  expect(await at.ids()).toEqual(['1', '2'])
  await expect(at.replicate({ rebuild: true })).rejects.toMatchObject({ code: 'LAKE_TYPE_CHANGED' })
  expect(await at.ids()).toEqual(['1', '2'])
})

it('a row that comes late into such a month lies beside the archive', async () => {
  await using at = await openArchive()
  const id = await insertConversation(at.source, { created_at: '2026-01-20', updated_at: new Date() })
  await at.sync()
  expect(await at.replicate()).toMatchObject({ months: ['2026-01'], rowsWritten: 1, filesArchived: 1 })
  await at.target.query(`update conversas_analytics set contact_name = 'x' where conversation_id = $1`, [id])
  expect(await at.replicate()).toMatchObject({ filesAdded: 1, filesRemoved: 1, filesArchived: 1 })
  expect(await at.ids()).toEqual(['1', '2', '3', '4', String(id)])
  expect(await at.replicate({ check: true })).toMatchObject({ differences: [] })
})

it('a lake whose archive another program has arranged anew is not touched', async () => {
  await using at = await openArchive()
  await using storage = await openFolder(at.to)
  const { version, files } = await tableOfLake(at.to)
  const [archived] = [...files.values()].filter(({ tags }) => tags?.['chatwootSync.archived'])
  const { tags: _, ...plain } = archived ?? {
    path: '',
    partitionValues: {},
    size: 0,
    modificationTime: 0,
    dataChange: false,
  }
  await commitDelta(storage, version + 1, [{ add: plain }])
  await expect(at.replicate()).rejects.toMatchObject({
    code: 'LAKE_TAKEN',
    message: expect.stringContaining('2026-01'),
  })
})
