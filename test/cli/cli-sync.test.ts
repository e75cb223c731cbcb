import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { liveADay } from '../../bin/demo/chatwoot-source.js'
import { openPair, openShell } from '../fixtures/cli-fixture.js'

let shell: Awaited<ReturnType<typeof openShell>>
let pair: Awaited<ReturnType<typeof openPair>>
beforeAll(async () => {
  ;[shell, pair] = await Promise.all([openShell(), openPair(40)])
})
afterAll(() => Promise.all([shell[Symbol.asyncDispose](), pair[Symbol.asyncDispose]()]))

/** Escape sequences and whatever else moves a cursor; line breaks are fine. */
const control = /[\u0000-\u0009\u000b-\u001f\u007f]/

describe('inboxes by name', () => {
  it('are those with that name in any account, beside ids', async () => {
    const inboxes = await pair.source.query<{ id: number; name: string }>(
      'select distinct on (name) inboxes.id, name from inboxes join conversations on inbox_id = inboxes.id order by name, inboxes.id limit 2',
    )
    const [one, other] = inboxes
    const given = ['--inbox', one?.name ?? '', String(other?.id)]
    const args = ['sync', '--pipeline', 'named', '--dry-run', '--json']
    const { code, stdout } = await shell.run([...args, ...given], pair.variables)
    const [{ rows } = { rows: 0 }] = await pair.source.query<{ rows: number }>(
      `select count(*)::integer as rows
       from conversations
       join inboxes on inboxes.id = inbox_id
       where inboxes.name = $1 or inboxes.id = $2`,
      [one?.name, other?.id],
    )
    expect({ code, rows: JSON.parse(stdout).rowsExtracted }).toEqual({ code: 0, rows })
    expect(rows).toBeGreaterThan(0)
  })

  it('that do not exist are named, with those that do', async () => {
    const { code, stderr } = await shell.run(['verify', '--inbox', 'Ninguém'], pair.variables)
    expect(code).toBe(2)
    expect(stderr.replaceAll(/\s+/g, ' ')).toMatch(
      /No inbox is named "Ninguém"\. There are: ".*"\. \(CONFIG_INVALID\)/,
    )
  })
})

describe('sync in a pipe', () => {
  it('says in plain lines what it does and did, and logs it', async () => {
    const { code, stdout, stderr } = await shell.run(['sync'], pair.variables)
    expect(code).toBe(0)
    expect(stderr).toMatch(/^Reading [^ ]+ into [^ ]+\n$/)
    expect(stdout).toMatch(/^Full load done in [\d.]+ s: 40 rows read\.\n40 inserted\.\nSource read as of /)
    expect(stdout + stderr).not.toMatch(control)
    const log = await shell.read('logs/etl/etl_latest.log')
    expect(log).toContain('"rowsInserted":40')
    const settings = [pair.variables['SOURCE_DB_PASSWORD'], pair.variables['LOCAL_DB_PASSWORD']]
    for (const secret of settings) expect(log + stdout + stderr).not.toContain(secret)
  })

  it('prints with --json the row of the control table and nothing else', async () => {
    await liveADay(pair.source.url)
    const { code, stdout, stderr } = await shell.run(
      ['sync', '--json', '--triggered-by', 'scheduler'],
      pair.variables,
    )
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout.match(/\n/g)).toHaveLength(1)
    const report = JSON.parse(stdout)
    expect(report).toMatchObject({
      status: 'success',
      loadType: 'incremental',
      triggeredBy: 'scheduler',
      dryRun: false,
    })
    expect(report.rowsUpdated).toBeGreaterThan(0)
    const status = await shell.run(['status', '--json', '--limit', '1'], pair.variables)
    expect(JSON.parse(status.stdout)).toEqual({ runs: [report] })
  })

  it('writes nothing with --dry-run, and says so', async () => {
    const content = () =>
      pair.target.query('select t::text from conversas_analytics t order by conversation_id')
    const before = await content()
    await liveADay(pair.source.url, { seed: 5 })
    const { code, stdout } = await shell.run(['sync', '--full', '--dry-run', '--no-log-file'], pair.variables)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Full load \(dry run\) done.*\nWould be: .*updated.*\. Nothing was written\.\n/)
    expect(await content()).toEqual(before)
  })

  it('passes each option to the run', async () => {
    await pair.target.query('create table one_account (like conversas_analytics including all)')
    const own = ['--pipeline', 'one', '--table', 'one_account', '--account', '1', '--batch-size', '7']
    const { stdout } = await shell.run(
      ['sync', '--json', '--time-zone', 'Asia/Tokyo', ...own],
      pair.variables,
    )
    const [expected] = await pair.source.query(
      'select count(*)::integer as rows from conversations where account_id = 1',
    )
    expect(JSON.parse(stdout)).toMatchObject({ pipeline: 'one', rowsInserted: expected?.['rows'] })
    const zones = await pair.target.query(
      'select calendar_timezone as zone, account_id from one_account group by 1, 2',
    )
    expect(zones).toEqual([{ zone: 'Asia/Tokyo', account_id: 1 }])
  })

  it('reads a custom view', async () => {
    await pair.source.query(`
      create view my_view as
      select id as conversation_id, 'mine' as account_name, updated_at as conversation_updated_at, 1 as extra
      from conversations`)
    await pair.source.query(`grant select on my_view to ${pair.reader.user}`)
    await pair.target.query('create table my_table (like conversas_analytics including all)')
    const own = [
      '--relation',
      'my_view',
      '--key',
      'conversation_id',
      '--changed-at',
      'conversation_updated_at',
    ]
    const { code, stdout } = await shell.run(
      ['sync', ...own, '--table', 'my_table', '--pipeline', 'mine'],
      pair.variables,
    )
    expect(code).toBe(0)
    expect(stdout).toContain(
      'Warning: Columns of the source that my_table does not have were left out: extra. (COLUMNS_IGNORED)',
    )
    expect(await pair.target.query('select distinct account_name as name from my_table')).toEqual([
      { name: 'mine' },
    ])
  })
})

it('status shows the runs of each pipeline in less than 60 columns', async () => {
  const { code, stdout, stderr } = await shell.run(['status'], pair.variables)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toContain('Pipeline conversations\nStarted (UTC)')
  expect(stdout).toContain('Pipeline mine\n')
  const table = stdout.split('\n').filter((line) => !line.startsWith('  '))
  expect(Math.max(...table.map((line) => line.length))).toBeLessThan(60)
  expect(stdout).not.toMatch(control)
})

describe('doctor', () => {
  it('ends with 0 when a run can succeed', async () => {
    const { code, stdout, stderr } = await shell.run(['doctor'], pair.variables)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^ok {8}The source can be reached: .*\n[^]*\n\nReady to sync\.\n$/)
    expect(stdout).not.toMatch(control)
  })

  it('and a run warn about a .env that others can read', async () => {
    await using own = await openShell()
    const settings = Object.entries(pair.variables).map(([name, value]) => `${name}=${value}\n`)
    await own.write('.env', settings.join(''), 0o640)
    const open = 'Other users can read .env, and the passwords in it.'
    const doctor = await own.run(['doctor'])
    expect(doctor).toMatchObject({ code: 0, stderr: '' })
    expect(doctor.stdout).toContain(`warning   ${open}\n          -> Run: chmod 600 .env\n`)
    expect(doctor.stdout).toMatch(/Ready to sync\. Warnings: 1\.\n$/)
    const [check] = JSON.parse((await own.run(['doctor', '--json'])).stdout).checks
    expect(check).toEqual({
      ...{ name: 'settings-file', outcome: 'warning', message: open },
      remedy: 'Run: chmod 600 .env',
    })
    const { stdout, stderr } = await own.run(['sync', '--dry-run', '--json'])
    expect(JSON.parse(stdout)).toMatchObject({ status: 'success' })
    expect(stderr).toBe('chatwoot-sync: other users can read .env. Run: chmod 600 .env\n')

    await own.write("it's closed.env", settings.join(''), 0o600)
    const closed = await own.run(['doctor', '--env', "it's closed.env"])
    expect(closed.stdout).toContain("ok        Only its owner can read it's closed.env.\n")
  })

  it('ends with 4 when it cannot, and prints the checks with --json', async () => {
    const broken = { ...pair.variables, SOURCE_DB_NAME: 'nowhere' }
    const { code, stdout } = await shell.run(['doctor', '--json'], broken)
    expect(code).toBe(4)
    const { ok, checks } = JSON.parse(stdout)
    expect(ok).toBe(false)
    expect(checks[0]).toEqual({
      name: 'source-connection',
      outcome: 'critical',
      message: expect.stringMatching(/has no database nowhere\.$/),
      remedy: 'Create it, or correct the name.',
    })
  })
})

it('migrate says that there is nothing to do', async () => {
  const { code, stdout } = await shell.run(['migrate'], pair.variables)
  expect(code).toBe(0)
  expect(stdout).toMatch(/^Nothing to do: all \d+ migrations are already applied\.\n$/)
})
