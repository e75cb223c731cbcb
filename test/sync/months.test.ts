import { expect, it } from 'vitest'

import { syncConversations, verifyConversations } from '../../lib/index.js'
import { differences } from '../fixtures/sync-fixture.js'
import { cloneDatabase, monthsTemplate } from '../setup/database.js'

it('conversations are kept in a table by month as in one table, also when one moves to another month', async () => {
  await using source = await cloneDatabase('source')
  await using target = await cloneDatabase('target', await monthsTemplate())
  const at = { source, target, sync: () => syncConversations(ends), [Symbol.asyncDispose]: async () => {} }
  const ends = { source: source.url, target: target.url }
  const first = await at.sync()
  await source.query(`
    update conversations
    set created_at = created_at + interval '40 days', updated_at = now() at time zone 'UTC'
    where id % 10 = 1`)

  const report = await at.sync()

  expect(report).toMatchObject({ rowsInserted: 0, rowsDeleted: 0, rowsRejected: 0 })
  expect(report.rowsUpdated).toBeGreaterThan(5)
  expect(await differences(at)).toEqual([])
  const [count] = await target.query('select count(*)::integer as rows from conversas_analytics')
  expect(count?.['rows']).toBe(first.rowsInserted)
  const [parts] = await target.query(
    'select count(distinct tableoid)::integer as parts from conversas_analytics',
  )
  expect(parts?.['parts']).toBeGreaterThan(2)
  expect(await verifyConversations(ends)).toMatchObject({ rowsMissing: 0, rowsStale: 0, rowsExtra: 0 })
})
