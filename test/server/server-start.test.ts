import { expect, it } from 'vitest'

import { openSync } from '../fixtures/sync-fixture.js'

it('a run reports its id once, when its row has been written', async () => {
  await using at = await openSync()
  const ids: string[] = []
  const report = await at.sync({ onStart: (executionId) => void ids.push(executionId) })
  expect(ids).toEqual([report.executionId])
  expect(await at.target.query('select execution_id::text from etl_control')).toEqual([
    { execution_id: ids[0] },
  ])
})

it('a run whose onStart throws fails, and says why', async () => {
  await using at = await openSync()
  const onStart = () => {
    throw new Error('no')
  }
  await expect(at.sync({ onStart })).rejects.toMatchObject({
    code: 'HOOK_FAILED',
    details: { hook: 'onStart' },
  })
  expect(await at.target.query('select status, error_code from etl_control')).toEqual([
    { status: 'failed', error_code: 'HOOK_FAILED' },
  ])
})

it('a dry run has no id to report', async () => {
  await using at = await openSync()
  let isCalled = false
  await at.sync({ dryRun: true, onStart: () => void (isCalled = true) })
  expect(isCalled).toBe(false)
})
