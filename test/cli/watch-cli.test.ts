import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { openReceiver } from '../fixtures/alerts-fixture.js'
import { openShell, settings } from '../fixtures/cli-fixture.js'
import { openSync, type SyncFixture } from '../fixtures/sync-fixture.js'
import { chatwootSize } from '../setup/templates.js'

describe('the command', () => {
  let shell: Awaited<ReturnType<typeof openShell>>
  let pair: SyncFixture
  beforeAll(async () => {
    ;[shell, pair] = await Promise.all([openShell(), openSync()])
  })
  afterAll(() => Promise.all([shell[Symbol.asyncDispose](), pair[Symbol.asyncDispose]()]))

  it('on SIGTERM during a run closes it and ends before all is read, and the next one goes on', async () => {
    const variables = { ...settings('SOURCE', pair.source), ...settings('LOCAL', pair.target) }
    const { child, ended } = shell.start(['watch', '--every', '1s', '--batch-size', '1', '--json'], variables)
    const rowsRead = async () => {
      const [row] = await pair.target.query<{ rows: number }>(
        'select rows_extracted as rows from etl_control',
      )
      return row?.rows ?? 0
    }
    await expect.poll(rowsRead, { interval: 5, timeout: 120_000 }).toBeGreaterThan(5)
    child.kill('SIGTERM')
    const { code, stdout } = await ended
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    const runs = await pair.target.query(
      `select status, error_code, completed_at is not null as closed, rows_extracted < ${chatwootSize} as early from etl_control`,
    )
    expect(runs).toEqual([{ status: 'failed', error_code: 'ABORTED', closed: true, early: true }])
    expect((await pair.sync()).reason).toMatch(/^resumes the full load of run /)
  })

  it('tells people of a run that failed, and goes on', async () => {
    await using receiver = await openReceiver()
    const variables = {
      SOURCE_DATABASE_URL: 'postgres://x:y@127.0.0.1:1/none',
      ...settings('LOCAL', pair.target),
      ALERT_WEBHOOK_URL: receiver.url,
    }
    const { child, ended } = shell.start(
      ['watch', '--every', '1s', '--pipeline', 'other', '--retry-budget', '0s'],
      variables,
    )
    await expect.poll(() => receiver.received.length, { timeout: 120_000 }).toBeGreaterThan(0)
    const failures = `select from etl_control where pipeline = 'other' and error_code = 'SOURCE_UNREACHABLE'`
    await expect
      .poll(async () => (await pair.target.query(failures)).length, { timeout: 120_000 })
      .toBeGreaterThan(1)
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: 0, stderr: expect.stringContaining('(SOURCE_UNREACHABLE)') })
    expect(receiver.events()).toEqual(['opened failure'])
  })

  it('without a time says what is missing', async () => {
    const variables = { ...settings('SOURCE', pair.source), ...settings('LOCAL', pair.target) }
    expect(await shell.run(['watch'], variables)).toMatchObject({
      code: 2,
      stderr: 'chatwoot-sync: Neither cron nor every is set. Set one of them. (CONFIG_MISSING)\n',
    })
  })

  it('waits for the times of cron, and ends at once when stopped meanwhile', async () => {
    const variables = { ...settings('SOURCE', pair.source), ...settings('LOCAL', pair.target) }
    const { child, ended } = shell.start(
      ['watch', '--cron', '0 0 1 1 *', '--cron-time-zone', 'UTC'],
      variables,
    )
    let said = ''
    child.stdout.on('data', (text: Buffer) => (said += text.toString()))
    await expect.poll(() => said, { timeout: 120_000 }).toMatch(/^Next run at \d{4}-01-01 00:00:00 UTC\.\n$/)
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ code: 0 })
  })
})
