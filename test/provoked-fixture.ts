import { expect } from 'vitest'

import type { Retry, SyncOptions } from '../lib/index.js'
import { differences, type SyncFixture } from './sync-fixture.js'

export const retryBudget = 30_000

/** A run that mends what broke before its first further try; what it told, and its warning. */
export async function runAndMend(
  at: SyncFixture,
  mend: () => Promise<unknown>,
  options: Partial<SyncOptions> = {},
) {
  const told: Retry[] = []
  let mending: Promise<unknown> | undefined
  const onRetry = (retry: Retry) => {
    told.push(retry)
    mending ??= mend()
  }
  const report = await at.sync({ retryBudget, ...options, onRetry })
  await mending
  expect(await differences(at)).toEqual([])
  const [row] = await at.target.query('select count(*)::integer as runs from etl_control')
  expect(row).toEqual({ runs: 1 })
  return { report, told, warning: report.warnings.find(({ code }) => code === 'RETRIED')?.message }
}
