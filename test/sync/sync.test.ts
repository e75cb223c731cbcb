import { expect, it } from 'vitest'

import { differences, openSync, writersOf } from '../fixtures/sync-fixture.js'

it('reads everything at first and says why', async () => {
  await using at = await openSync()
  const [conversations] = await at.source.query<{ count: number }>(
    'select count(*)::integer from conversations',
  )

  const report = await at.sync()

  expect(report).toMatchObject({
    status: 'success',
    pipeline: 'conversations',
    loadType: 'full',
    triggeredBy: 'manual',
    reason: 'no previous successful run',
    rowsExtracted: conversations?.count,
    rowsInserted: conversations?.count,
    watermarkStart: null,
    horizonMode: 'primary',
    errorCode: null,
    dryRun: false,
  })
  expect(await differences(at)).toEqual([])
})

it('writes nothing in a second run right after', async () => {
  await using at = await openSync()
  const first = await at.sync()
  const written = await writersOf(at.target)

  const second = await at.sync()

  expect(second).toMatchObject({ loadType: 'incremental', reason: null })
  expect(second).toMatchObject({ rowsInserted: 0, rowsUpdated: 0, rowsDeleted: 0 })
  expect(await writersOf(at.target)).toEqual(written)
  expect(String(second.watermarkEnd) > String(first.watermarkEnd)).toBe(true)
})
