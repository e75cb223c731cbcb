import { expect, it } from 'vitest'

import { differencesLeft, verifyConversations } from '../../lib/index.js'
import { change, openNotes, relation } from '../fixtures/rejects-fixture.js'

it('tells rejected rows apart when it compares, and lets a repair mend everything else', async () => {
  await using at = await openNotes(20)
  const verify = (repair: boolean) =>
    verifyConversations({ source: at.source.url, target: at.target.url, relation, table: 'notes', repair })
  await change(at, `body = repeat('x', 21)`, 'id in (3, 4)')
  expect(await at.run()).toMatchObject({ rowsInserted: 18, rowsRejected: 2 })
  // Without a stamp, so that no run reads them: one that the target takes, and one that it does not.
  await at.source.query(`update notes set body = 'silent' where id = 6`)
  await at.source.query(`update notes set body = repeat('y', 21) where id = 5`)

  const found = await verify(false)
  expect(found).toMatchObject({
    rowsMissing: 0,
    rowsStale: 2,
    rowsSilent: 2,
    rowsRejected: 2,
    rowsRepaired: 0,
  })
  expect(found.differingKeys).toEqual(['5', '6'])
  expect(differencesLeft(found)).toBe(2)

  const mended = await verify(true)
  expect(mended).toMatchObject({
    rowsMissing: 0,
    rowsStale: 1,
    rowsSilent: 1,
    rowsRejected: 3,
    rowsRepaired: 1,
  })
  expect(mended).toMatchObject({ differingKeys: ['6'], differingColumns: { body: 1 } })
  expect(differencesLeft(mended)).toBe(0)
  const keys = async () => (await at.rejects()).map(({ row_key: key, attempts }) => `${key} ${attempts}`)
  expect(await keys()).toEqual(['3 2', '4 2', '5 1'])
  const [kept] = await at.target.query('select rows_rejected from etl_verification order by started_at desc')
  expect(kept).toEqual({ rows_rejected: 3 })

  // The older version of a row that is refused is no row that is gone.
  expect(await at.run({ loadType: 'full' })).toMatchObject({ rowsDeleted: 0, rowsRejected: 3 })
  expect(await at.stored()).toContain('5 note 5')

  await at.target.query('alter table notes alter column body type text')
  const passed = await verify(true)
  expect(passed).toMatchObject({ rowsMissing: 2, rowsStale: 1, rowsRejected: 0, rowsRepaired: 3 })
  expect(await at.rejects()).toEqual([])
  expect(differencesLeft(await verify(false))).toBe(0)
})
