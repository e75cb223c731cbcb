import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { verifySummary } from '../../bin/output/verify-summary.js'
import type { VerifyReport } from '../../lib/index.js'
import { barLine } from '../../bin/output/progress.js'
import { openPair, openShell } from '../fixtures/cli-fixture.js'

let shell: Awaited<ReturnType<typeof openShell>>
let pair: Awaited<ReturnType<typeof openPair>>
beforeAll(async () => {
  ;[shell, pair] = await Promise.all([openShell(), openPair(40)])
  expect(await shell.run(['sync', '--no-log-file'], pair.variables)).toMatchObject({ code: 0 })
})
afterAll(() => Promise.all([shell[Symbol.asyncDispose](), pair[Symbol.asyncDispose]()]))

const verify = (...args: string[]) => shell.run(['verify', ...args], pair.variables)

/** Changes rows without updating a timestamp. */
const spoil = () =>
  pair.target.query(
    `update conversas_analytics set account_name = 'spoilt' where conversation_id in (3, 5, 7)`,
  )

describe('verify', () => {
  it('ends with 0 when the tables are equal, and says so in plain lines', async () => {
    const { code, stdout, stderr } = await verify()
    expect(code).toBe(0)
    expect(stderr).toMatch(/^Comparing \S+ with \S+\n$/)
    expect(stdout).toMatch(/^40 rows compared in [\d.]+ s\.\nSource read as of .* UTC\.\nNo differences\.\n$/)
    expect(await shell.read('logs/etl/etl_latest.log')).toContain('"message":"Compared"')
  })

  it('ends with 4 when rows differ, names the columns and the keys, and repairs nothing', async () => {
    await spoil()
    await pair.target.query('delete from conversas_analytics where conversation_id = 9')

    const { code, stdout } = await verify('--no-log-file')

    expect(code).toBe(4)
    expect(stdout).toContain('Differences: 1 missing, 3 stale, 0 extra.\n')
    expect(stdout).toContain(
      'Silent changes, which updated no timestamp in Chatwoot: 3.\nColumns that differ: account_name 3.\n',
    )
    expect(stdout).toContain('Keys: 9, 3, 5, 7\n4 differences remain; run with --repair.\n')
    expect((await verify('--quiet')).code).toBe(4)
  })

  it('ends with 0 when --repair has fixed all, and prints the report with --json', async () => {
    const { code, stdout, stderr } = await verify('--repair', '--json')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout.match(/\n/g)).toHaveLength(1)
    const report = JSON.parse(stdout)
    expect(report).toMatchObject({ rowsMissing: 1, rowsStale: 3, rowsExtra: 0, rowsRepaired: 4 })
    expect(report).toMatchObject({ rowsCompared: 40, sample: 1, differingColumns: { account_name: 3 } })
    expect(await pair.target.query('select verification_id as id from etl_verification')).toContainEqual({
      id: report.verificationId,
    })
    expect(await verify('--quiet')).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  it('passes each option to the comparison', async () => {
    const own = ['--pipeline', 'one', '--table', 'one_account', '--account', '1', '--time-zone', 'Asia/Tokyo']
    await pair.target.query('create table one_account (like conversas_analytics including all)')
    await shell.run(['sync', '--quiet', ...own], pair.variables)
    const [account] = await pair.source.query<{ rows: number }>(
      'select count(*)::integer as rows from conversations where account_id = 1',
    )

    const { code, stdout } = await verify('--json', '--sample', '50%', ...own)

    expect(code).toBe(0)
    // So few rows are one range, which is the least of a sample.
    expect(JSON.parse(stdout)).toMatchObject({ pipeline: 'one', sample: 0.5, rowsCompared: account?.rows })
    const inOtherZone = own.map((word) => word.replace('Tokyo', 'Kolkata'))
    expect((await verify('--quiet', ...inOtherZone)).code).toBe(4)
  })

  it('compares a custom view', async () => {
    await pair.source.query(`
      create view my_view as
      select id as conversation_id, 'mine' as account_name, updated_at as conversation_updated_at from conversations`)
    await pair.source.query(`grant select on my_view to ${pair.reader.user}`)
    await pair.target.query('create table my_table (like conversas_analytics including all)')
    const relation = ['--relation', 'my_view', '--key', 'conversation_id']
    const own = [...relation, '--changed-at', 'conversation_updated_at', '--table', 'my_table']
    await shell.run(['sync', '--quiet', ...own, '--pipeline', 'mine'], pair.variables)
    await pair.target.query(`update my_table set account_name = '' where conversation_id = 4`)

    const { code, stdout } = await verify('--repair', '--json', ...own, '--pipeline', 'mine')

    expect(JSON.parse(stdout)).toMatchObject({ rowsStale: 1, rowsRepaired: 1, differingKeys: ['4'] })
    expect(code).toBe(0)
  })

  it.each([
    [['--sample', '0'], 2, /argument '0' is invalid\. Use a share above 0, such as 0\.05 or 5%\.\n$/],
    [
      ['--sample', '120%'],
      2,
      /^chatwoot-sync: option '--sample <share>' argument '120%' is invalid\. Use a share/,
    ],
    [['--relation', 'mine'], 2, /also needs --key and --changed-at/],
  ])('%j is reported in one line and ends with %d', async (args, code, message) => {
    expect(await verify('--no-log-file', ...args)).toEqual({
      code,
      stdout: '',
      stderr: expect.stringMatching(message),
    })
  })

  it('ends with 3 while a run is running, and prints the error with --json', async () => {
    const client = await pair.target.pool.connect()
    await client.query(`select pg_advisory_lock(hashtextextended('chatwoot-sync run conversations', 0))`)
    const { code, stdout } = await verify('--json')
    client.release(true)
    expect(code).toBe(3)
    expect(JSON.parse(stdout).error).toMatchObject({
      code: 'LOCKED',
      details: { pipeline: 'conversations' },
    })
  })

  it('does not believe a source that looks wiped', async () => {
    await pair.source.query('delete from conversations where id > 10')
    const { code, stderr } = await verify('--repair', '--no-log-file')
    expect(code).toBe(1)
    expect(stderr).toContain('(TOO_MANY_DELETES)')
    expect((await verify('--repair', '--quiet', '--max-delete-share', '1')).code).toBe(0)
  })

  it('has a help text that ends with examples', async () => {
    const { code, stdout } = await shell.run(['help', 'verify'])
    expect(code).toBe(0)
    expect(stdout).toContain('Examples:\n  chatwoot-sync verify\n')
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
  })
})

const report: VerifyReport = {
  verificationId: '00000000-0000-0000-0000-000000000000',
  pipeline: 'conversations',
  startedAt: '2026-01-01 00:00:00+00',
  completedAt: '2026-01-01 00:00:02+00',
  durationSeconds: 2,
  sourceTime: null,
  sample: 0.05,
  rowsCompared: 12_345,
  rowsMissing: 0,
  rowsStale: 0,
  rowsExtra: 12,
  rowsDouble: 0,
  rowsSilent: 12,
  rowsRejected: 0,
  rowsPending: 3,
  rowsRepaired: 10,
  differingColumns: {},
  differingKeys: Array.from({ length: 12 }, (_, index) => `key\u001b${index}`),
}

describe('the words for a comparison', () => {
  it('name the sample, what is pending, what was repaired and what remains', () => {
    const text = verifySummary(report, Infinity)
    expect(text).toMatch(/^12,345 rows of a 5% sample compared in 2 s\.\n/)
    expect(text).toContain('Repaired: 10.\n2 differences remain.\nPending: 3, ')
  })

  it('show the first ten keys, and no control character of them', () => {
    const [keys = ''] = /Keys: .*/.exec(verifySummary(report, Infinity)) ?? []
    expect(keys.match(/key/g)).toHaveLength(10)
    expect(keys).toMatch(/, \.\.\.$/)
    expect(keys).not.toContain('\u001b')
  })

  it('are in the bar as well', () => {
    expect(barLine({ phase: 'compare', rowsExtracted: 1000, rowsExpected: 2000 }, 500, 79)).toBe(
      '[############------------]  50%  1,000 rows  500 rows/s  2 s left',
    )
    expect(barLine({ phase: 'compare', rowsExtracted: 1000, rowsExpected: null }, null, 79)).toBe(
      'Comparing  1,000 rows',
    )
  })
})
