import { expect, it } from 'vitest'

import { checkHealth, migrate, syncConversations, verifyConversations } from '../../lib/index.js'
import { readStatus } from '../../lib/operations/status.js'
import { openFirstTarget } from '../fixtures/first-release.js'
import { makePythonTarget } from '../fixtures/python-target.js'
import { cloneDatabase } from '../setup/database.js'

it('everything works before migrate where everybody may create in the schema, as by default up to PostgreSQL 14', async () => {
  await using target = await openFirstTarget()
  await using source = await cloneDatabase('source')
  await target.query('grant create on schema public to public')
  const handles = { source: source.url, target: target.url }
  const runs = async () => (await target.query('select from etl_control')).length

  expect(await syncConversations(handles)).toMatchObject({ loadType: 'full', rowsRejected: 0 })
  await target.query(`update etl_control set started_at = started_at - interval '9 years'`)
  for (let run = 0; run < 2; run += 1) await syncConversations({ ...handles, loadType: 'full' })
  // Old functions find their tables by the path of the session, which leaves such a schema out: the history is trimmed once they have one.
  expect(await runs()).toBe(3)
  expect(await verifyConversations(handles)).toMatchObject({ rowsMissing: 0, rowsStale: 0 })
  const { checks } = await checkHealth(handles)
  expect(checks.filter(({ outcome }) => outcome === 'critical')).toEqual([])

  await migrate({ target: target.url })
  await syncConversations(handles)
  expect(await runs()).toBe(3)
})

it('every command says to migrate where the tables are those of the Python pipeline', async () => {
  await using target = await cloneDatabase('target', 'template0')
  await using source = await cloneDatabase('source')
  await makePythonTarget(target, '2026-01-01')
  const handles = { source: source.url, target: target.url }
  const said = {
    code: 'TARGET_NOT_MIGRATED',
    message: expect.stringMatching(/^The table etl_control is that of the Python pipeline\./),
    remedy: expect.stringContaining('chatwoot-sync migrate'),
  }
  await expect(syncConversations({ ...handles, retryBudget: 0 })).rejects.toMatchObject(said)
  await expect(verifyConversations(handles)).rejects.toMatchObject(said)
  await expect(readStatus({ target: target.url })).rejects.toMatchObject(said)
})
