import { PassThrough } from 'node:stream'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { healthSummary } from '../../bin/output/health-summary.js'
import { openShell, settings } from '../fixtures/cli-fixture.js'
import { checkHealth, type HealthCheck } from '../../lib/index.js'
import { insertRejects, insertRun, type Run } from '../fixtures/health-fixture.js'
import { cloneDatabase, type TestDatabase } from '../setup/database.js'

/** One successful run long ago, with the skew allowance used up; then failures, and a run that died. */
const wrongRuns: readonly Run[] = [
  { load: 'full', ago: '90 hours', warning: 'MARGIN_USED_UP', margin: 61 },
  { status: 'failed', ago: '4 hours' },
  { status: 'failed', ago: '3 hours' },
  { status: 'failed', ago: '2 hours' },
  { status: 'running' },
]

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
    const text = healthSummary(report, { width: 60, stream: new PassThrough(), language: 'en' })
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(60)
    expect(text).toContain('critical  There has been no run yet.\n          -> Look at chatwoot-sync status')
    expect(text).toMatch(/Not healthy\. Problems to solve: 1\./)

    await insertRun(target, { load: 'full' })
    const fresh = await shell.run(['health', '--no-source', '--no-log-file'], variables)
    expect(fresh).toMatchObject({ code: 0, stderr: '' })
    expect(fresh.stdout).toMatch(/\n\nAll checks passed\.\n$/)
  })

  it('finds what the library and the view find, whatever is wrong', async () => {
    await using unhealthy = await cloneDatabase('target')
    for (const run of wrongRuns) await insertRun(unhealthy, run)
    await insertRejects(unhealthy, ['3', '5'])
    await unhealthy.query(`
      insert into etl_verification (
        sample, completed_at, duration_seconds, rows_compared, rows_missing, rows_stale, rows_extra, rows_silent, rows_pending
      )
      values (0.5, now(), 1, 10000, 1, 0, 0, 0, 0)`)
    const printed = await shell.run(
      ['health', '--no-source', '--no-log-file', '--json'],
      settings('LOCAL', unhealthy),
    )
    const ofRuns = (checks: readonly HealthCheck[]) =>
      checks.flatMap(({ name, outcome, unit, limit, criticalLimit }) =>
        name === 'target' ? [] : [{ name, outcome, unit, limit, criticalLimit }],
      )
    const ofLibrary = ofRuns((await checkHealth({ target: unhealthy.url })).checks)
    const ofView = await unhealthy.query(`
      select
        check_name as name,
        outcome,
        unit,
        warning_limit::float8 as limit,
        critical_limit::float8 as "criticalLimit"
      from vw_etl_health`)
    expect(ofRuns(JSON.parse(printed.stdout).checks)).toEqual(ofLibrary)
    expect(ofView).toEqual(ofLibrary)
    expect(Object.fromEntries(ofLibrary.map(({ name, outcome }) => [name, outcome]))).toEqual({
      'last-success': 'critical',
      'watermark-lag': 'critical',
      'scan-lag': 'critical',
      'running-run': 'warning',
      failures: 'critical',
      'rejected-rows': 'warning',
      'deleted-rows': 'ok',
      differences: 'warning',
      margin: 'critical',
    })
  })

  it('speaks Portuguese to the last line, and colours outcomes on a terminal only', async () => {
    const args = ['health', '--no-source', '--no-log-file', '--language', 'pt-BR']
    const { stdout } = await shell.run(args, settings('LOCAL', target))
    expect(stdout).toMatch(/\n\nEstá tudo certo\.\n$/)
    expect(stdout).not.toContain('\u001b')
    const check = {
      name: 'failures',
      value: 1,
      unit: 'runs',
      limit: 0,
      criticalLimit: 2,
      message: 'x',
      remedy: 'y',
    }
    const report = {
      healthy: true,
      outcome: 'warning',
      pipeline: 'p',
      checks: [{ ...check, outcome: 'warning' }],
    } as const
    const terminal = Object.assign(new PassThrough(), { isTTY: true })
    const text = healthSummary(report, { width: 60, stream: terminal, language: 'pt-BR' })
    expect(text).toBe(
      'Pipeline p\n\u001b[33maviso\u001b[39m     x\n          -> y\n\nEstá funcionando, com avisos. Avisos: 1.\n',
    )
  })
})
