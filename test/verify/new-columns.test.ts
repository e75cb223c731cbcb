import { expect, it } from 'vitest'

import { migrate, syncConversations, verifyConversations } from '../../lib/index.js'
import { copyEarlierMigrations } from '../fixtures/earlier-migrations.js'
import { openMigrationFixture } from '../fixtures/migration-fixture.js'
import { cloneDatabase } from '../setup/database.js'

it('waits for the run that fills the columns which a migration has added, and says so', async () => {
  await using at = await openMigrationFixture()
  await using source = await cloneDatabase('source')
  await copyEarlierMigrations(at.directory)
  await migrate({ target: at.target, directory: at.directory })
  const handles = { source: source.url, target: at.target }
  await syncConversations(handles)
  expect(await verifyConversations(handles)).toMatchObject({ rowsStale: 0, rowsPending: 0 })

  await migrate({ target: at.target })
  const waits = { code: 'CONFIG_INVALID', message: expect.stringContaining('has new columns') }
  await expect(verifyConversations(handles)).rejects.toMatchObject(waits)
  await expect(verifyConversations({ ...handles, repair: true })).rejects.toMatchObject(waits)

  const reason = 'the table has new columns, which a migration added'
  expect(await syncConversations(handles)).toMatchObject({ loadType: 'full', reason, rowsInserted: 0 })
  expect(await verifyConversations(handles)).toMatchObject({ rowsMissing: 0, rowsStale: 0, rowsExtra: 0 })
  expect(await syncConversations(handles)).toMatchObject({ loadType: 'incremental', rowsUpdated: 0 })
})
