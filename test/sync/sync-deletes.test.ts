import { expect, it } from 'vitest'

import {
  differences,
  insertConversation,
  insertMessage,
  openSmallSync,
  writersOf,
} from '../fixtures/sync-fixture.js'

/** A synced source with this many conversations. */
async function openSynced(conversations: number) {
  const fixture = await openSmallSync()
  for (let i = 0; i < conversations; i++) await insertConversation(fixture.source)
  await fixture.sync()
  return fixture
}

const marked = `select conversation_id from conversas_analytics where deleted_at is not null order by 1`

it('marks in a full run what is gone, and keeps its row', async () => {
  await using at = await openSynced(10)
  const [before] = await at.target.query(`select * from conversas_analytics where conversation_id = 4`)
  await at.source.query('delete from conversations where id in (4, 7)')

  const report = await at.sync({ loadType: 'full' })

  expect(report).toMatchObject({ rowsExtracted: 8, rowsUnchanged: 8, rowsDeleted: 2 })
  expect(await at.target.query(marked)).toEqual([{ conversation_id: 4 }, { conversation_id: 7 }])
  const [after] = await at.target.query(`select * from conversas_analytics where conversation_id = 4`)
  const bookkeeping = { deleted_at: expect.any(String), etl_updated_at: expect.any(String) }
  expect(after).toEqual({ ...before, ...bookkeeping })
  expect(await at.target.query('select from vw_conversas_analytics')).toHaveLength(8)
  expect(await at.sync({ loadType: 'full' })).toMatchObject({ rowsExtracted: 8, rowsDeleted: 0 })
})

it('marks in an incremental run what a feed still shows and the source no longer has', async () => {
  await using at = await openSynced(3)
  await insertMessage(at.source, 2, { created_at: new Date().toISOString().slice(0, -1) })
  await at.source.query('delete from conversations where id = 2')

  const report = await at.sync()

  expect(report).toMatchObject({ loadType: 'incremental', rowsExtracted: 0, rowsDeleted: 1 })
  expect(await at.target.query(marked)).toEqual([{ conversation_id: 2 }])
  expect(await at.sync()).toMatchObject({ rowsDeleted: 0 })
})

it.each(['incremental', 'full'] as const)('restores in a run %s a row that comes back', async (loadType) => {
  await using at = await openSynced(6)
  await at.source.query('create table kept as select * from conversations where id = 5')
  await at.source.query('delete from conversations where id = 5')
  await at.sync({ loadType: 'full' })
  const came =
    loadType === 'full' ? '' : `; update conversations set updated_at = now() at time zone 'UTC' where id = 5`
  await at.source.query(`insert into conversations select * from kept${came}`)

  expect(await at.sync({ loadType })).toMatchObject({ loadType, rowsInserted: 0, rowsUpdated: 1 })
  expect(await at.target.query(marked)).toEqual([])
  expect(await differences(at)).toEqual([])
})

it('does not believe that all is gone, unless told so', async () => {
  await using at = await openSynced(5)
  const written = await writersOf(at.target)
  await at.source.query('truncate conversations')

  const full = { loadType: 'full', maxDeleteShare: 0.99 } as const
  await expect(at.sync(full)).rejects.toMatchObject({ code: 'SOURCE_EMPTY', details: { gone: 5, live: 5 } })
  expect(await writersOf(at.target)).toEqual(written)
  expect(await at.target.query(marked)).toEqual([])

  expect(await at.sync({ ...full, maxDeleteShare: 1 })).toMatchObject({ rowsExtracted: 0, rowsDeleted: 5 })
})

it('does not believe that more is gone than maxDeleteShare', async () => {
  await using at = await openSynced(10)
  await at.source.query('delete from conversations where id <= 3')

  const refused = at.sync({ loadType: 'full' })

  await expect(refused).rejects.toMatchObject({
    code: 'TOO_MANY_DELETES',
    message: expect.stringContaining('3 of 10 rows'),
    details: { gone: 3, live: 10, share: 0.3, maxDeleteShare: 0.2 },
  })
  expect(await at.target.query(marked)).toEqual([])
  expect(await at.sync({ loadType: 'full', maxDeleteShare: 0.3 })).toMatchObject({ rowsDeleted: 3 })
})

it('does not believe another server, unless told so', async () => {
  await using at = await openSynced(10)
  await using other = await openSmallSync()
  for (let i = 0; i < 9; i++) await insertConversation(other.source)

  const run = { source: other.source.url, loadType: 'full' } as const
  await expect(at.sync(run)).rejects.toMatchObject({ code: 'SOURCE_IDENTITY_CHANGED' })
  expect(await at.target.query(marked)).toEqual([])

  expect(await at.sync({ ...run, acceptNewSource: true })).toMatchObject({ rowsDeleted: 1 })
})

it('reads everything from another database of the same content and says so', async () => {
  await using at = await openSynced(4)
  await using other = await openSmallSync()
  await other.source.query('truncate accounts, users, teams, inboxes, contacts')
  const report = await at.sync({ source: at.source.url })
  expect(report.loadType).toBe('incremental')
  for (let i = 0; i < 4; i++) await insertConversation(other.source)

  const moved = await at.sync({ source: other.source.url })

  expect(moved).toMatchObject({ loadType: 'full', reason: 'the source is another database', rowsDeleted: 0 })
})
