import { expect, it } from 'vitest'

import { openSync } from '../fixtures/sync-fixture.js'

it('a run tells its id once, when its row is there', async () => {
  await using at = await openSync()
  const told: string[] = []
  const report = await at.sync({ onStart: (executionId) => void told.push(executionId) })
  expect(told).toEqual([report.executionId])
  expect(await at.target.query('select execution_id::text from etl_control')).toEqual([
    { execution_id: told[0] },
  ])
})

it('a run whose caller cannot bear the id fails, and says why', async () => {
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

it('a rehearsal has no id to tell', async () => {
  await using at = await openSync()
  let isTold = false
  await at.sync({ dryRun: true, onStart: () => void (isTold = true) })
  expect(isTold).toBe(false)
})
