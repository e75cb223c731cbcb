import { expect, it } from 'vitest'

import type { SyncOptions } from '../../lib/options.js'
import { change, openNotes, withKysely, type RejectsFixture } from '../fixtures/rejects-fixture.js'
import { share } from '../setup/share.js'

const tooLong = `body = repeat('x', 21)`

/** The ways in which rows reach the target. */
const ways: [
  string,
  (at: RejectsFixture, run: (options: Partial<SyncOptions>) => Promise<void>) => Promise<void>,
][] = [
  ['COPY in binary', (_, run) => run({})],
  ['a cursor', (_, run) => run({ extractor: 'cursor' })],
  ['a transform', (_, run) => run({ transform: (row) => row })],
  ['small batches', (_, run) => run({ batchSize: 7 })],
  ["a caller's Kysely", (at, run) => withKysely(at.target.url, (target) => run({ target }))],
]

it.each(share(ways.slice(0, 2), ways))(
  'loads by %s all rows but those that the target refuses, and lists these',
  async (_, by) => {
    await using at = await openNotes(100)
    await change(at, tooLong, 'id in (1, 50, 51, 100)')
    await change(at, 'amount = -1', 'id = 30')
    await change(at, 'code = null', 'id = 31')
    const bad = [1, 30, 31, 50, 51, 100]
    const good = Array.from({ length: 100 }, (_, at) => at + 1).filter((id) => !bad.includes(id))
    await by(at, async (options) => {
      const report = await at.run(options)
      expect(report).toMatchObject({
        loadType: 'full',
        rowsExtracted: 100,
        rowsInserted: 94,
        rowsRejected: 6,
      })
      expect(report.warnings).toMatchObject([{ code: 'ROWS_REJECTED' }])
      expect(await at.stored()).toEqual(good.map((id) => `${id} note ${id}`))
      // Over a full table, through the stage.
      await change(at, `body = 'changed'`, 'id in (2, 52)')
      expect(await at.run({ loadType: 'full', ...options })).toMatchObject({
        ...{ rowsExtracted: 100, rowsUpdated: 2, rowsUnchanged: 92, rowsRejected: 6, rowsDeleted: 0 },
      })
      await change(at, `body = 'again'`, 'id in (2, 52)')
      expect(await at.run({ skewAllowance: 0, ...options })).toMatchObject({
        ...{ loadType: 'incremental', rowsExtracted: 8, rowsUpdated: 2, rowsRejected: 6 },
      })
      expect(await at.rejects()).toMatchObject([
        { row_key: '1', sql_state: '22001', attempts: 3 },
        { row_key: '30', sql_state: '23514', attempts: 3 },
        { row_key: '31', sql_state: '23502', attempts: 3, column_name: 'code' },
        { row_key: '50', sql_state: '22001', attempts: 3 },
        { row_key: '51', sql_state: '22001', attempts: 3 },
        { row_key: '100', sql_state: '22001', attempts: 3 },
      ])
      // Once the target takes them, nothing needs to change in the source.
      await at.target.query(`
      alter table notes alter column body type text, drop constraint amount_is_positive;
      delete from notes where id = 100`)
      expect(await at.run(options)).toMatchObject({ loadType: 'full', rowsInserted: 5, rowsRejected: 1 })
      await at.target.query('alter table notes alter column code drop not null')
      expect(await at.run({ skewAllowance: 0, ...options })).toMatchObject({
        ...{
          loadType: 'incremental',
          rowsExtracted: 1,
          rowsInserted: 1,
          rowsRejected: 0,
          marginUsedSeconds: null,
        },
      })
      expect(await at.rejects()).toEqual([])
    })
  },
)
