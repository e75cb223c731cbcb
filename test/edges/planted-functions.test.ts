import { expect, it } from 'vitest'

import { checkHealth, diagnose, forgetContact, verifyConversations } from '../../lib/index.js'
import { plantFunctions, uproot } from '../fixtures/planted-functions.js'
import { openEmptySync, openSync } from '../fixtures/sync-fixture.js'

const sides = ['source', 'target'] as const

const criticalOf = (checks: Awaited<ReturnType<typeof diagnose>>['checks']) =>
  checks.flatMap(({ name, outcome }) => (outcome === 'critical' ? [name] : []))

it('runs call none of the functions and operators that a stranger has planted in the source', async () => {
  await using at = await openSync()
  for (const side of sides) await at[side].query('revoke create on schema public from public')
  expect(await plantFunctions(at.source)).toBeGreaterThan(300)
  await expect(at.source.query(`select from messages where sender_type = 'User'`)).rejects.toThrow('planted')
  const handles = { source: at.source.url, target: at.target.url }

  expect(await at.sync()).toMatchObject({ loadType: 'full', rowsRejected: 0 })
  await at.source.query(`update conversations set updated_at = now() where id < 10`)
  expect(await at.sync()).toMatchObject({ loadType: 'incremental', rowsUpdated: 9 })
  expect(await verifyConversations(handles)).toMatchObject({ rowsMissing: 0, rowsStale: 0, rowsExtra: 0 })
  const { checks } = await diagnose(handles)
  await uproot(at.source)

  expect(criticalOf(checks)).toEqual(['source-path'])
})

it('runs call none of those that a stranger has planted in the target', async () => {
  await using at = await openSync()
  for (const side of sides) await at[side].query('revoke create on schema public from public')
  expect(await plantFunctions(at.target)).toBeGreaterThan(300)
  const handles = { source: at.source.url, target: at.target.url }

  expect(await at.sync()).toMatchObject({ loadType: 'full', rowsRejected: 0 })
  await at.source.query(`update conversations set updated_at = now() where id < 10`)
  expect(await at.sync()).toMatchObject({ loadType: 'incremental', rowsUpdated: 9 })
  await at.target.query(`delete from conversas_analytics where conversation_id = 20`)
  expect(await verifyConversations({ ...handles, repair: true })).toMatchObject({
    rowsMissing: 1,
    rowsRepaired: 1,
  })
  expect(await forgetContact({ target: at.target.url, contactId: 1 })).toMatchObject({ contactId: 1 })
  const { checks: health } = await checkHealth(handles)
  const { checks } = await diagnose(handles)
  await uproot(at.target)

  expect(health.filter(({ outcome }) => outcome === 'critical')).toEqual([])
  expect(criticalOf(checks)).toEqual(['target-path'])
})

it('a relation and a table of short texts are found by their names and are safe as well', async () => {
  await using at = await openEmptySync()
  await at.source.query(`
    create table items (id varchar primary key, v varchar, kind char(3), updated_at timestamp default now());
    insert into items values ('a', 'one', 'x'), ('b', 'two', null)`)
  await at.target.query(
    `create table kept (id varchar primary key, v varchar, kind char(3), updated_at timestamp)`,
  )
  for (const side of sides) await plantFunctions(at[side])
  const pipeline = { table: 'kept', relation: { name: 'items', key: 'id', changedAt: 'updated_at' } }
  const handles = { source: at.source.url, target: at.target.url }

  expect(await at.sync(pipeline)).toMatchObject({ rowsInserted: 2 })
  await at.source.query(`update items set v = 'three', updated_at = now()`)
  expect(await at.sync(pipeline)).toMatchObject({ loadType: 'incremental', rowsUpdated: 2 })
  expect(await verifyConversations({ ...handles, ...pipeline })).toMatchObject({
    rowsCompared: 2,
    rowsStale: 0,
  })
  for (const side of sides) await uproot(at[side])
})
