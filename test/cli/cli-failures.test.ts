import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { openPair, openShell } from '../fixtures/cli-fixture.js'

let shell: Awaited<ReturnType<typeof openShell>>
let pair: Awaited<ReturnType<typeof openPair>>
beforeEach(async () => {
  ;[shell, pair] = await Promise.all([openShell(), openPair(10)])
})
afterEach(() => Promise.all([shell[Symbol.asyncDispose](), pair[Symbol.asyncDispose]()]))

const own = (name: string, key: string, changedAt: string) => [
  ...['--relation', name, '--key', key, '--changed-at', changedAt],
  ...['--pipeline', 'own'],
]

/** One line on stderr with what went wrong, what to do and the code; nothing on stdout, and no password anywhere. */
async function expectFailure(
  args: readonly string[],
  changes: Record<string, string>,
  line: RegExp,
  code = 1,
) {
  const ended = await shell.run([...args, '--quiet'], { ...pair.variables, ...changes })
  expect(ended.stderr).toMatch(line)
  expect(ended.stderr).toMatch(/^chatwoot-sync: .+ \([A-Z_]+\)\n$/)
  expect(ended).toMatchObject({ code, stdout: '' })
  const log = await shell.read('logs/etl/etl_latest.log').catch(() => '')
  expect(ended.stderr + log).not.toContain(pair.reader.password)
}

const loaded = async () => {
  const [row] = await pair.target.query<{ rows: number }>(
    'select count(*)::integer as rows from conversas_analytics',
  )
  return row?.rows
}

const lastCode = async () => {
  const [row] = await pair.target.query(
    'select error_code as code, status from etl_control order by started_at desc limit 1',
  )
  return row
}

describe('a run', () => {
  it('fails on a source that does not answer', async () => {
    // Nothing listens on port 1.
    await expectFailure(
      ['sync', '--retry-budget', '0s'],
      { SOURCE_DB_HOST: '127.0.0.1', SOURCE_DB_PORT: '1' },
      /source server 127\.0\.0\.1:1 cannot be reached.*SOURCE_UNREACHABLE/,
    )
    await expectFailure(
      ['sync', '--retry-budget', '0s'],
      { SOURCE_DB_HOST: 'no-such-host.invalid' },
      /no-such-host\.invalid:\d+ cannot be reached.*SOURCE_UNREACHABLE/,
    )
    expect(await loaded()).toBe(0)
    expect(await lastCode()).toEqual({ code: 'SOURCE_UNREACHABLE', status: 'failed' })
  })

  it('tells of each further try, unless it is to be quiet', async () => {
    const variables = { ...pair.variables, LOCAL_DB_HOST: '127.0.0.1', LOCAL_DB_PORT: '1' }
    const args = ['sync', '--retry-budget', '300ms', '--no-log-file']
    const { code, stderr } = await shell.run(args, variables)
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^Reading .*\n(chatwoot-sync: The target .* Trying again in 0\.\d s\.\n)+chatwoot-sync: .*TARGET_UNREACHABLE\)\n$/,
    )
    const quiet = await shell.run([...args, '--quiet'], variables)
    expect(quiet.stderr).toMatch(/^chatwoot-sync: .*TARGET_UNREACHABLE\)\n$/)
  })

  it('fails on a wrong password, which it does not show', async () => {
    const password = 'not-the-right-one'
    await expectFailure(
      ['sync'],
      { SOURCE_DB_PASSWORD: password },
      /rejected the login.*Check user, password.*SOURCE_AUTH_FAILED/,
    )
    await expectFailure(
      ['sync'],
      { LOCAL_DB_PASSWORD: password },
      /rejected the login.*Check user, password.*TARGET_AUTH_FAILED/,
    )
    expect(await shell.read('logs/etl/etl_latest.log')).not.toContain(password)
    expect(await loaded()).toBe(0)
  })

  it('fails on a database that is missing', async () => {
    await expectFailure(
      ['sync'],
      { SOURCE_DB_NAME: 'nowhere' },
      /has no database nowhere.*SOURCE_DATABASE_MISSING/,
    )
    await expectFailure(
      ['sync'],
      { LOCAL_DB_NAME: 'nowhere' },
      /has no database nowhere.*TARGET_DATABASE_MISSING/,
    )
    expect(await loaded()).toBe(0)
  })

  it('fails without the right to read', async () => {
    await pair.source.query(`revoke select on messages from ${pair.reader.user}`)
    await expectFailure(['sync'], {}, /may not read messages.content.*Grant.*SOURCE_FORBIDDEN/)
    expect(await loaded()).toBe(0)
    expect(await lastCode()).toEqual({ code: 'SOURCE_FORBIDDEN', status: 'failed' })
  })

  it('fails on a relation or column that is missing', async () => {
    await expectFailure(
      ['sync', ...own('no_view', 'id', 'updated_at')],
      {},
      /no relation no_view.*RELATION_MISSING/,
    )
    await expectFailure(
      ['sync', ...own('conversations', 'no_key', 'updated_at')],
      {},
      /no column no_key.*COLUMN_MISSING/,
    )
    await expectFailure(
      ['sync', ...own('conversations', 'id', 'no_stamp')],
      {},
      /no column no_stamp.*COLUMN_MISSING/,
    )
    expect(await loaded()).toBe(0)
  })

  it('fails on a key that is not unique', async () => {
    await pair.source.query(`
      create view double_rows as
      select id as conversation_id, display_id + n as display_id, updated_at
      from conversations
      cross join generate_series(1, 2) n`)
    await pair.source.query(`grant select on double_rows to ${pair.reader.user}`)
    await expectFailure(
      ['sync', ...own('double_rows', 'conversation_id', 'updated_at')],
      {},
      /KEY_NOT_UNIQUE/,
    )
    expect(await loaded()).toBe(0)
  })

  it('fails on a target that was not migrated', async () => {
    await pair.target.query('drop view vw_etl_stats; drop table etl_control cascade')
    await expectFailure(['sync'], {}, /etl_control.*Run chatwoot-sync migrate.*TARGET_NOT_MIGRATED/)
    expect(await loaded()).toBe(0)
  })

  it('fails on a table that lacks a column', async () => {
    await pair.target.query('alter table conversas_analytics drop column labels cascade')
    await expectFailure(['sync'], {}, /lacks the column labels.*TARGET_COLUMN_MISSING/)
    expect(await loaded()).toBe(0)
  })

  it('ends with 3 while another run is at work, and leaves no row', async () => {
    await using client = await holdLock()
    await expectFailure(
      ['sync'],
      {},
      /Another run of the pipeline conversations is running\. Wait.*LOCKED/,
      3,
    )
    expect(await client.query('select from etl_control')).toMatchObject({ rowCount: 0 })
  })

  it('tells a failure as one JSON object, too', async () => {
    const { code, stdout, stderr } = await shell.run(['sync', '--json'], {
      ...pair.variables,
      SOURCE_DB_NAME: 'nowhere',
    })
    expect(code).toBe(1)
    expect(stdout.trimEnd().split('\n')).toHaveLength(1)
    const { error } = JSON.parse(stdout)
    expect(error).toEqual({
      code: 'SOURCE_DATABASE_MISSING',
      message: expect.stringContaining('has no database nowhere'),
      remedy: 'Create it, or correct the name.',
      details: expect.objectContaining({ database: 'nowhere' }),
    })
    expect(stderr).toBe(`chatwoot-sync: ${error.message} (SOURCE_DATABASE_MISSING)\n`)
  })

  it('that waits for the source is stopped cleanly by a signal', { timeout: 120_000 }, async () => {
    await using blocker = await connect(pair.source.url)
    await blocker.query('begin; lock table messages in access exclusive mode')
    const { child, ended } = shell.start(['sync'], pair.variables)
    try {
      await untilWaiting()
      child.kill('SIGTERM')
      expect(await ended).toMatchObject({ code: 1, stderr: expect.stringMatching(/\(ABORTED\)\n$/) })
    } finally {
      child.kill('SIGKILL')
    }
    expect(await lastCode()).toEqual({ code: 'ABORTED', status: 'failed' })
    expect(await loaded()).toBe(0)
  })
})

describe('migrate', () => {
  it('fails on a database that is missing', async () => {
    await expectMigrateFailure(
      { LOCAL_DB_NAME: 'nowhere' },
      /has no database nowhere.*TARGET_DATABASE_MISSING/,
    )
  })

  it('fails on a wrong password', async () => {
    await expectMigrateFailure({ LOCAL_DB_PASSWORD: 'wrong' }, /rejected the login.*TARGET_AUTH_FAILED/)
  })
})

async function expectMigrateFailure(changes: Record<string, string>, line: RegExp) {
  const ended = await shell.run(['migrate'], { ...pair.variables, ...changes })
  expect(ended.stderr).toMatch(line)
  expect(ended.stderr.trimEnd().split('\n')).toHaveLength(1)
  expect(ended).toMatchObject({ code: 1, stdout: '' })
}

async function holdLock() {
  const client = await connect(pair.target.url)
  await client.query(`select pg_advisory_lock(hashtextextended('chatwoot-sync run conversations', 0))`)
  return client
}

async function connect(url: string): Promise<pg.Client & AsyncDisposable> {
  const client = new pg.Client(url)
  await client.connect()
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() })
}

async function untilWaiting(): Promise<void> {
  await expect
    .poll(
      () =>
        pair.source.query(
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        ),
      { timeout: 120_000 },
    )
    .toHaveLength(1)
}
