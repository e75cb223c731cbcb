import { expect, it } from 'vitest'

import { leftovers, openRole, openTable } from '../fixtures/partition-fixture.js'

it('rows without a time keep it from beginning', async () => {
  await using at = await openTable()
  await at.target.query(
    'update conversas_analytics set conversation_created_at = null where conversation_id = 3',
  )
  await expect(at.partition()).rejects.toMatchObject({
    code: 'TABLE_NOT_REBUILDABLE',
    message: expect.stringContaining('1 rows without conversation_created_at'),
  })
  expect(await leftovers(at.target)).toEqual([])
})

it('only the owner can, and a role without membership is told so', async () => {
  await using at = await openTable()
  await using role = await openRole(at.target)
  await at.target.query(`alter role ${role.name} login password 'secret';
    grant usage on schema public to ${role.name};
    grant select, insert, update, delete on all tables in schema public to ${role.name}`)
  const url = Object.assign(new URL(at.target.url), { username: role.name, password: 'secret' })
  await expect(at.partition({ target: url.href })).rejects.toMatchObject({ code: 'TARGET_FORBIDDEN' })
})

it('a date that is far from its month means no checks of dates, and no row is lost for it', async () => {
  await using at = await openTable()
  await at.target.query(
    `update conversas_analytics set conversation_date = '2020-01-01' where conversation_id = 4`,
  )
  const rows = await at.rows()
  expect(await at.partition({ dryRun: true })).toMatchObject({ hasDateChecks: false, dryRun: true })
  expect(await at.partition()).toMatchObject({ hasDateChecks: false })
  expect(await at.rows()).toEqual(rows)
})

it('rows of years that no month has go to the default partition and back', async () => {
  await using at = await openTable()
  await at.target.query(`
    update conversas_analytics
    set conversation_created_at = (array['infinity', '-infinity', '0044-03-15 BC', '12026-01-01'])[conversation_id]::timestamp,
      conversation_date = null
    where conversation_id <= 4`)
  const rows = await at.rows()
  await at.partition()
  expect(await at.rows()).toEqual(rows)
  expect(await at.health()).toMatchObject({ 'default-partition': 'warning' })
  await at.partition({ dropBefore: 'conversas_analytics_before' })
  await at.partition({ undo: true })
  expect(await at.rows()).toEqual(rows)
})
