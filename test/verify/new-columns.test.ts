import { expect, it } from 'vitest'

import { migrate, syncConversations, verifyConversations } from '../../lib/index.js'
import { openFirstTarget } from '../fixtures/first-release.js'
import { cloneDatabase } from '../setup/database.js'

it('waits for the run that fills the columns which a migration has added, and says so', async () => {
  await using target = await openFirstTarget()
  await using source = await cloneDatabase('source')
  const handles = { source: source.url, target: target.url }
  await syncConversations(handles)
  expect(await verifyConversations(handles)).toMatchObject({ rowsStale: 0, rowsPending: 0 })

  await migrate({ target: target.url })
  const waits = { code: 'CONFIG_INVALID', message: expect.stringContaining('has new columns') }
  await expect(verifyConversations(handles)).rejects.toMatchObject(waits)
  await expect(verifyConversations({ ...handles, repair: true })).rejects.toMatchObject(waits)

  const reason = 'the table has new columns, which a migration added'
  expect(await syncConversations(handles)).toMatchObject({ loadType: 'full', reason, rowsInserted: 0 })
  expect(await verifyConversations(handles)).toMatchObject({ rowsMissing: 0, rowsStale: 0, rowsExtra: 0 })
  expect(await syncConversations(handles)).toMatchObject({ loadType: 'incremental', rowsUpdated: 0 })
})
