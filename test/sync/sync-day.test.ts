import { expect, it } from 'vitest'

import { liveADay } from '../../bin/demo/chatwoot-source.js'
import { differences, openSync } from '../fixtures/sync-fixture.js'

it.each([1, 2])(
  'finds by change what a day of Chatwoot did, and by a full run what was deleted (seed %s)',
  async (seed) => {
    await using at = await openSync()
    await at.sync()
    const day = await liveADay(at.source.url, { seed })

    const report = await at.sync({ skewAllowance: 0 })

    expect(report).toMatchObject({ loadType: 'incremental', reason: null, rowsInserted: day.inserted.length })
    expect(report.rowsUpdated).toBe(day.updated.length)
    const left = day.deleted.slice(report.rowsDeleted)
    expect(await differences(at)).toHaveLength(left.length)
    expect((await differences(at)).every((difference) => difference.endsWith('is too much'))).toBe(true)

    const full = await at.sync({ loadType: 'full' })
    expect(full).toMatchObject({ rowsInserted: 0, rowsUpdated: 0, rowsDeleted: left.length })
    expect(await differences(at)).toEqual([])
  },
)

it('finds by a full run what no stamp tells of', async () => {
  await using at = await openSync()
  await at.sync()
  const day = await liveADay(at.source.url, { seed: 5, silent: true })
  await at.sync()
  const silent = await differences(at)
  expect(silent.length).toBeGreaterThan(0)
  const changed = new Set(
    silent.filter((each) => !each.endsWith('is too much')).map((each) => Number(each.split(' ')[0])),
  )
  expect([...changed].every((id) => day.silent.includes(id))).toBe(true)

  expect(await at.sync({ loadType: 'full' })).toMatchObject({ rowsInserted: 0, rowsUpdated: changed.size })
  expect(await differences(at)).toEqual([])
})
