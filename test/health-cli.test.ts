import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { healthSummary } from '../bin/health-summary.js'
import { openShell, settings } from './cli-fixture.js'
import { insertRun } from './health-fixture.js'
import { cloneDatabase, type TestDatabase } from './setup/database.js'

describe('the command', () => {
  let shell: Awaited<ReturnType<typeof openShell>>
  let target: TestDatabase
  beforeAll(async () => {
    ;[shell, target] = await Promise.all([openShell(), cloneDatabase('target')])
  })
  afterAll(() => Promise.all([shell[Symbol.asyncDispose](), target[Symbol.asyncDispose]()]))

  it('ends with 4 and says what to do, then with 0; text fits 60 columns', async () => {
    const variables = { ...settings('LOCAL', target) }
    const stale = await shell.run(['health', '--no-source', '--json'], variables)
    expect(stale.code).toBe(4)
    const report = JSON.parse(stale.stdout)
    expect(report).toMatchObject({ healthy: false, outcome: 'critical' })
    const text = healthSummary(report, 60)
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(60)
    expect(text).toContain('critical  There was no run yet.\n          -> Look at chatwoot-sync status')
    expect(text).toMatch(/Something is wrong\. Problems to solve: 1\./)

    await insertRun(target, { load: 'full' })
    const fresh = await shell.run(['health', '--no-source', '--no-log-file'], variables)
    expect(fresh).toMatchObject({ code: 0, stderr: '' })
    expect(fresh.stdout).toMatch(/\n\nAll is well\.\n$/)
  })
})
