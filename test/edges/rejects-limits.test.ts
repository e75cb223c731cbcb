import { expect, it } from 'vitest'

import { share } from '../setup/share.js'
import { change, openNotes, spoil } from '../fixtures/rejects-fixture.js'

const small = [[120, 100]] as const

it.each(share<readonly (readonly [number, number])[]>(small, [...small, [12_000, 120]]))(
  'of %i rows the target may refuse %i by default, and one more fails the run',
  async (rows, allowed) => {
    await using at = await openNotes(rows)
    await spoil(at, `id <= ${allowed}`)
    expect(await at.run()).toMatchObject({ rowsExtracted: rows, rowsRejected: allowed })
    // Those that are known already do not count against the few rows that an incremental run reads.
    await change(at, `body = 'changed'`, `id = ${rows}`)
    expect(await at.run({ skewAllowance: 0 })).toMatchObject({
      ...{ loadType: 'incremental', rowsExtracted: allowed + 1, rowsUpdated: 1, rowsRejected: allowed },
    })
    await spoil(at, `id = ${allowed + 1}`)
    await expect(at.run({ loadType: 'full' })).rejects.toMatchObject({
      code: 'TOO_MANY_REJECTS',
      details: { rows: allowed + 1, limit: allowed },
      message: expect.stringContaining(
        `${allowed + 1} times, because a text is longer than the column allows`,
      ),
    })
  },
)

it('a run in which most goes wrong stops early: over a thousand rows and a tenth of what was read', async () => {
  await using at = await openNotes(3000)
  await spoil(at, 'id > 500')
  await expect(at.run()).rejects.toMatchObject({
    code: 'TOO_MANY_REJECTS',
    details: { rows: 1001, limit: 1000 },
  })
})

it('a limit of its own holds for all rows that a run is refused, at once', async () => {
  await using at = await openNotes(100)
  await spoil(at, 'id in (10, 20, 30, 40)')
  await expect(at.run({ maxRejects: 0 })).rejects.toMatchObject({ details: { rows: 1, limit: 0 } })
  await expect(at.run({ maxRejects: 2 })).rejects.toMatchObject({ details: { rows: 3, limit: 2 } })
  expect(await at.run({ maxRejects: 4 })).toMatchObject({ rowsRejected: 4 })
  await change(at, `body = repeat('x', 21)`, 'id = 50')
  await expect(at.run({ maxRejects: 4 })).rejects.toMatchObject({ details: { rows: 5, limit: 4 } })
})

it.each([undefined, 1])(
  'an incremental run over the limit (%s) leaves nothing behind',
  async (maxRejects) => {
    await using at = await openNotes(300)
    await spoil(at, 'id = 7')
    await at.run()
    const content = () =>
      Promise.all([
        at.target.query('select xmin::text, n::text from notes n order by id'),
        at.target.query('select xmin::text, e::text from etl_rejects e order by row_key'),
        at.target.query('select get_last_successful_watermark()::text'),
      ])
    const before = await content()
    await change(at, `body = repeat('x', 21)`, 'id > 190')
    await change(at, `body = 'good'`, 'id < 5')

    const options = { skewAllowance: 0, maxRejects }
    await expect(at.run(options)).rejects.toMatchObject({ code: 'TOO_MANY_REJECTS' })

    expect(await content()).toEqual(before)
    const [row] = await at.target.query(
      'select status, error_code, rows_inserted, rows_updated, rows_rejected from etl_control order by started_at desc limit 1',
    )
    expect(row).toMatchObject({
      status: 'failed',
      error_code: 'TOO_MANY_REJECTS',
      rows_inserted: 0,
      rows_updated: 0,
    })
    // The watermark stood still, so that the next run reads all of it again.
    await at.target.query('alter table notes alter column body type text')
    expect(await at.run(options)).toMatchObject({ loadType: 'full', rowsRejected: 0 })
    expect(await at.stored()).toContain('4 good')
  },
)
