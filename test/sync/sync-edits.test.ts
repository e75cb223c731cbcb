import { expect, it } from 'vitest'

import {
  differences,
  insertConversation,
  insertMessage,
  openSmallSync,
  type SyncFixture,
} from '../fixtures/sync-fixture.js'

const now = `clock_timestamp() at time zone 'UTC'`

/** An old message and one of an hour ago, in a source of which the planner says that it has a million. */
async function openWithManyMessages() {
  const fixture = await openSmallSync()
  const { source } = fixture
  for (const age of ['100 days', '1 hour']) {
    const message = await insertMessage(source, await insertConversation(source))
    await source.query(`update messages set created_at = ${now} - interval '${age}' where id = ${message}`)
  }
  await source.query(`update pg_class set reltuples = 1000000 where oid = 'messages'::regclass`)
  await fixture.sync()
  return fixture
}

const edit = ({ source }: SyncFixture, id: number) =>
  source.query(`update messages set content = content || '!', updated_at = ${now} where id = ${id}`)

it('finds an edit of a young message in every run', async () => {
  await using at = await openWithManyMessages()
  await edit(at, 2)
  expect(await at.sync({ skewAllowance: 0 })).toMatchObject({ loadType: 'incremental', rowsUpdated: 1 })
  expect(await differences(at)).toEqual([])
})

it('finds an edit of an old message once it looks at all of them, however many runs came between', async () => {
  await using at = await openWithManyMessages()
  await edit(at, 1)
  for (let i = 0; i < 2; i++) {
    expect(await at.sync({ skewAllowance: 0 })).toMatchObject({ loadType: 'incremental', rowsUpdated: 0 })
  }
  expect(await at.sync({ skewAllowance: 0, editScanEvery: 0 })).toMatchObject({ rowsUpdated: 1 })
  expect(await differences(at)).toEqual([])
})

it('takes an old message for young within a wider window', async () => {
  await using at = await openWithManyMessages()
  await edit(at, 1)
  const editWindow = 101 * 24 * 3600 * 1000
  expect(await at.sync({ skewAllowance: 0, editWindow })).toMatchObject({ rowsUpdated: 1 })
})

it('finds an old edit in a full run', async () => {
  await using at = await openWithManyMessages()
  await edit(at, 1)
  expect(await at.sync({ loadType: 'full' })).toMatchObject({ rowsUpdated: 1 })
})

/** The scan of all messages, after runs that have left it out. */
const looksAtAll = { skewAllowance: 0, editScanEvery: 0 } as const

it('reads of the messages that runs have looked at nothing again once it looks at all of them', async () => {
  await using at = await openWithManyMessages()
  await edit(at, 2)
  expect(await at.sync({ skewAllowance: 0 })).toMatchObject({ rowsUpdated: 1 })
  await edit(at, 1)
  expect(await at.sync(looksAtAll)).toMatchObject({
    loadType: 'incremental',
    rowsExtracted: 1,
    rowsUpdated: 1,
  })
  expect(await differences(at)).toEqual([])
})

it('finds with the scan an edit of a young message that this run is the first to see', async () => {
  await using at = await openWithManyMessages()
  expect(await at.sync({ skewAllowance: 0 })).toMatchObject({ rowsExtracted: 0 })
  await edit(at, 2)
  expect(await at.sync(looksAtAll)).toMatchObject({ rowsExtracted: 1, rowsUpdated: 1 })
})

it('finds with the scan an edit of what was no young message to one of the runs before', async () => {
  await using at = await openWithManyMessages()
  await edit(at, 2)
  expect(await at.sync({ skewAllowance: 0, editWindow: 60_000 })).toMatchObject({ rowsExtracted: 0 })
  expect(await at.sync({ skewAllowance: 0 })).toMatchObject({ rowsExtracted: 0 })
  expect(await at.sync(looksAtAll)).toMatchObject({ rowsExtracted: 1, rowsUpdated: 1 })
})

it('looks at messages of any age where it does not know which the runs before have looked at', async () => {
  await using at = await openWithManyMessages()
  await edit(at, 2)
  expect(await at.sync({ skewAllowance: 0 })).toMatchObject({ rowsUpdated: 1 })
  // As an earlier release leaves it.
  await at.target.query(`update etl_control set state = (state::jsonb - 'editsAmong')::json`)
  expect(await at.sync(looksAtAll)).toMatchObject({ rowsExtracted: 1, rowsUpdated: 0 })
})
