import { Kysely, PostgresDialect, type PostgresPoolClient } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { syncConversations } from '../../lib/index.js'
import { openPractice, type Practice } from '../fixtures/doctor-fixture.js'
import { openPool } from '../setup/pool.js'

/** A server that answers otherwise to what is replaced: a Kysely over it, as any caller may hand one in. */
function otherServer(connectionString: string, replaced: readonly (readonly [RegExp, string])[]) {
  const pool = openPool({ connectionString })
  const connect = async (): Promise<PostgresPoolClient> => {
    const client = await pool.connect()
    const query = (text: string, values: unknown[]) =>
      client.query(
        replaced.reduce((sql, [part, other]) => sql.replaceAll(part, other), text),
        values,
      )
    return Object.create(client, { query: { value: query } }) as PostgresPoolClient
  }
  const dialect = new PostgresDialect({ pool: { connect, end: () => pool.end() } })
  const handle = new Kysely<Record<string, never>>({ dialect })
  return { handle, [Symbol.asyncDispose]: () => handle.destroy() }
}

let pair: Practice
beforeEach(async () => {
  pair = await openPractice()
})
afterEach(() => pair[Symbol.asyncDispose]())

describe('the doctor', () => {
  it('finds no problem where a run can work', async () => {
    const { ok, found, checks } = await pair.examine()
    expect(found).toEqual([])
    expect(ok).toBe(true)
    expect(checks.map(({ name }) => name)).toEqual([
      'source-connection',
      'source-version',
      'source-mode',
      'source-path',
      'source-read-only',
      'source-rights',
      'source-release',
      'source-indexes',
      'source-orphan-events',
      'target-connection',
      'target-version',
      'target-pooler',
      'target-path',
      'target-database',
      'target-migrated',
      'target-table',
      'running-run',
      'clocks',
    ])
  })

  it('reports servers that do not respond as checks', async () => {
    const nowhere = 'postgres://me:secret-word@127.0.0.1:1/db'
    const { found, checks } = await pair.examine({ source: nowhere, target: nowhere })
    expect(found).toMatchObject([
      { name: 'source-connection', outcome: 'critical', remedy: 'Check host, port, firewall and TLS.' },
      { name: 'target-connection', outcome: 'critical' },
    ])
    expect(checks).toHaveLength(2)
    expect(JSON.stringify(checks)).not.toContain('secret-word')
  })

  it('leaves no session behind in either database', async () => {
    await pair.examine()
    const sessions = `select from pg_stat_activity where application_name = 'chatwoot-sync doctor' and datname = current_database()`
    await expect.poll(() => pair.source.query(sessions)).toEqual([])
    await expect.poll(() => pair.target.query(sessions)).toEqual([])
  })
})

describe('on the rights on the source, the doctor', () => {
  it('names the missing grants, and these are enough for every kind of run', async () => {
    const { user } = pair.reader
    await pair.source.query(`revoke select on all tables in schema public from ${user}`)
    await pair.source.query(`grant select (id, name) on users to ${user}`)
    const { about } = await pair.examine()
    const [rights] = about('source-rights')
    expect(rights).toMatchObject({
      outcome: 'critical',
      message: expect.stringMatching(/may not read accounts, contacts, .*, users \(email\)\.$/),
    })
    const grants = rights?.remedy?.replace(/^[^:]*: /, '') ?? ''
    expect(grants).toContain(`grant select (id, name, email) on users to ${user};`)
    await pair.source.query(grants)
    const { found } = await pair.examine()
    expect(found).toMatchObject([{ name: 'source-extra-rights', outcome: 'warning' }])
    // What the first grants give, the others did not name again.
    expect(about('source-extra-rights')).toEqual(found)
    await syncConversations({ source: pair.readerUrl, target: pair.target.url })
    // A change makes the next run read the change feeds.
    await pair.source.query('update conversations set updated_at = clock_timestamp()')
    const options = { source: pair.readerUrl, target: pair.target.url }
    expect(await syncConversations(options)).toMatchObject({ loadType: 'incremental', rowsExtracted: 10 })

    expect(found[0]?.message).toMatch(/agent_bots, .*reporting_events, .*users \(display_name\); /)
    await pair.source.query(/grant .*;/.exec(found[0]?.remedy ?? '')?.[0] ?? '')
    expect((await pair.examine()).found).toEqual([])
    expect(await syncConversations(options)).toMatchObject({ loadType: 'full', rowsUpdated: 10 })
  })

  it('requires no column that no run reads', async () => {
    const { user } = pair.reader
    await pair.source.query(`revoke select on users from ${user}`)
    await pair.source.query(`grant select (id, name, email, display_name) on users to ${user}`)
    expect((await pair.examine()).found).toEqual([])
  })

  it('names a schema that the role may not use', async () => {
    await pair.source.query('revoke usage on schema public from public')
    await pair.source.query(`revoke usage on schema public from ${pair.reader.user}`)
    const { about } = await pair.examine()
    expect(about('source-rights')).toMatchObject([
      {
        outcome: 'critical',
        remedy: `Have its owner run: grant usage on schema public to ${pair.reader.user};`,
      },
    ])
  })

  it('warns of a role that may write', async () => {
    await pair.source.query(`grant update on conversations to ${pair.reader.user}`)
    expect((await pair.examine()).found).toMatchObject([{ name: 'source-read-only', outcome: 'warning' }])
    const { found } = await pair.examine({ source: pair.source.url })
    expect(found).toMatchObject([
      { name: 'source-read-only', message: expect.stringContaining('is a superuser') },
    ])
  })
})

describe('on the source, the doctor', () => {
  it('names columns that this release of Chatwoot lacks, without which a run works', async () => {
    await pair.source.query('alter table conversations drop column waiting_since cascade')
    const { ok, about } = await pair.examine()
    expect(ok).toBe(true)
    expect(about('source-release')).toMatchObject([
      { outcome: 'ok', message: expect.stringContaining('has no conversations.waiting_since') },
    ])
  })

  it('recognizes a database that is not a Chatwoot', async () => {
    const { about } = await pair.examine({ source: pair.target.url })
    expect(about('source-rights')).toMatchObject([
      {
        outcome: 'critical',
        message: expect.stringMatching(
          /lacks columns that every Chatwoot has: accounts\.id, .* and \d+ more\.$/,
        ),
      },
    ])
  })

  it('suggests indexes on large tables only', async () => {
    await pair.source.query(`
      update pg_class
      set reltuples = 200000
      where oid in ('messages'::regclass, 'contacts'::regclass)`)
    await pair.source.query('create index on contacts (updated_at)')
    const { found } = await pair.examine()
    expect(found).toMatchObject([
      {
        name: 'source-indexes',
        outcome: 'warning',
        remedy: expect.stringContaining(
          'create index concurrently index_messages_on_updated_at on messages (updated_at);',
        ),
      },
    ])
  })

  it('says what an index saves, as runs have measured it', async () => {
    await pair.source.query(`update pg_class set reltuples = 200000 where oid = 'conversations'::regclass`)
    await pair.target.query(`
      insert into etl_control (status, load_type, completed_at, watermark_end, state)
      select
        'success',
        'incremental',
        now(),
        '2026-01-01'::timestamp + number / 12 * interval '1 hour',
        '{"feeds": {"conversations.updated_at": {"took": 412}}}'
      from generate_series(0, 35) number`)
    const { about } = await pair.examine()
    expect(about('source-indexes')).toMatchObject([
      {
        message: expect.stringMatching(
          /^conversations has about 200,000 rows \(.*\) and no index on updated_at\. A scan took 0\.41 s: in each of 36 runs a day 15 s, which an index saves; 3 of them have scanned, and until the next one does, such changes wait\.$/,
        ),
      },
    ])
  })

  it('rejects releases that are too old, and warns of a clock that is off', async () => {
    await using source = otherServer(pair.readerUrl, [
      [/current_setting\('server_version(_num)?'\)/g, `'120022'`],
      [/clock_timestamp\(\)/g, `(clock_timestamp() + interval '45 seconds')`],
    ])
    const { found } = await pair.examine({ source: source.handle })
    expect(found).toMatchObject([
      { name: 'source-version', outcome: 'critical', remedy: 'Use PostgreSQL 13 or later.' },
      {
        name: 'clocks',
        outcome: 'warning',
        message: expect.stringMatching(/^The clocks of the source and this host differ by 4\d s,/),
      },
      {
        name: 'clocks',
        outcome: 'warning',
        message: expect.stringMatching(/^The clocks of the source and the target differ/),
      },
    ])
    const { about } = await pair.examine({ source: source.handle, skewAllowance: 600_000 })
    expect(about('clocks')).toMatchObject([{ outcome: 'ok' }])
  })
})
