import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { syncConversations } from '../lib/index.js'
import { diagnose, type DiagnoseOptions } from '../lib/operations/doctor/diagnose.js'
import { openPair, type Pair } from './cli-fixture.js'

let pair: Pair
beforeEach(async () => {
  pair = await openPair(10)
})
afterEach(() => pair[Symbol.asyncDispose]())

const examine = async (more: Partial<DiagnoseOptions> = {}) => {
  const { ok, checks } = await diagnose({ source: pair.readerUrl, target: pair.target.url, ...more })
  const found = checks.filter(({ outcome }) => outcome !== 'ok')
  expect(ok).toBe(found.every(({ outcome }) => outcome === 'warning'))
  const about = (name: string) => checks.filter((check) => check.name === name)
  return { ok, checks, found, about }
}

const asOwner = () => ({ source: pair.source.url })

describe('the doctor', () => {
  it('finds nothing where a run can work', async () => {
    const { ok, found, checks } = await examine()
    expect(found).toEqual([])
    expect(ok).toBe(true)
    expect(checks.map(({ name }) => name)).toEqual([
      'source-connection',
      'source-version',
      'source-mode',
      'source-read-only',
      'source-rights',
      'source-release',
      'source-indexes',
      'target-connection',
      'target-version',
      'target-database',
      'target-migrated',
      'target-table',
      'running-run',
      'clocks',
    ])
  })

  it('takes servers that do not answer as findings', async () => {
    const nowhere = 'postgres://me:secret-word@127.0.0.1:1/db'
    const { found, checks } = await examine({ source: nowhere, target: nowhere })
    expect(found).toMatchObject([
      { name: 'source-connection', outcome: 'critical', remedy: 'Check host, port, firewall and TLS.' },
      { name: 'target-connection', outcome: 'critical' },
    ])
    expect(checks).toHaveLength(2)
    expect(JSON.stringify(checks)).not.toContain('secret-word')
  })

  it('opens and leaves nothing: both databases have no session more than before', async () => {
    await examine()
    const sessions = `select from pg_stat_activity where application_name = 'chatwoot-sync doctor' and datname = current_database()`
    await expect.poll(() => pair.source.query(sessions)).toEqual([])
    await expect.poll(() => pair.target.query(sessions)).toEqual([])
  })
})

describe('of the rights on the source the doctor', () => {
  it('tells the grants that are missing, and these are enough for every kind of run', async () => {
    const { user } = pair.reader
    await pair.source.query(`revoke select on all tables in schema public from ${user}`)
    await pair.source.query(`grant select (id, name) on users to ${user}`)
    const { about } = await examine()
    const [rights] = about('source-rights')
    expect(rights).toMatchObject({
      outcome: 'critical',
      message: expect.stringMatching(/may not read accounts, contacts, .*, users \(email\)\.$/),
    })
    const grants = rights?.remedy?.replace(/^[^:]*: /, '') ?? ''
    expect(grants).toContain(`grant select (id, name, email) on users to ${user};`)
    await pair.source.query(grants)
    expect((await examine()).found).toEqual([])
    await syncConversations({ source: pair.readerUrl, target: pair.target.url })
    // A change makes the next run read the change feeds.
    await pair.source.query('update conversations set updated_at = clock_timestamp()')
    const options = { source: pair.readerUrl, target: pair.target.url }
    expect(await syncConversations(options)).toMatchObject({ loadType: 'incremental', rowsExtracted: 10 })
  })

  it('asks for no column that no run reads', async () => {
    const { user } = pair.reader
    await pair.source.query(`revoke select on users from ${user}`)
    await pair.source.query(`grant select (id, name, email) on users to ${user}`)
    expect((await examine()).found).toEqual([])
  })

  it('tells a closed schema', async () => {
    await pair.source.query('revoke usage on schema public from public')
    await pair.source.query(`revoke usage on schema public from ${pair.reader.user}`)
    const { about } = await examine()
    expect(about('source-rights')).toMatchObject([
      {
        outcome: 'critical',
        remedy: `Let its owner run: grant usage on schema public to ${pair.reader.user};`,
      },
    ])
  })

  it('warns of a role that may write', async () => {
    await pair.source.query(`grant update on conversations to ${pair.reader.user}`)
    expect((await examine()).found).toMatchObject([{ name: 'source-read-only', outcome: 'warning' }])
    const { found } = await examine(asOwner())
    expect(found).toMatchObject([
      { name: 'source-read-only', message: expect.stringContaining('is a superuser') },
    ])
  })
})

describe('of the source the doctor', () => {
  it('tells columns that this release of Chatwoot lacks, and that a run does without', async () => {
    await pair.source.query('alter table conversations drop column waiting_since cascade')
    const { ok, about } = await examine()
    expect(ok).toBe(true)
    expect(about('source-release')).toMatchObject([
      { outcome: 'ok', message: expect.stringContaining('has no conversations.waiting_since') },
    ])
  })

  it('tells a database that is no Chatwoot', async () => {
    const { about } = await examine({ source: pair.target.url })
    expect(about('source-rights')).toMatchObject([
      {
        outcome: 'critical',
        message: expect.stringMatching(/lacks what every Chatwoot has: accounts\.id, .* and \d+ more\.$/),
      },
    ])
  })

  it('names indexes that would help, of large tables only', async () => {
    await pair.source.query(`
      update pg_class
      set reltuples = 200000
      where oid in ('messages'::regclass, 'contacts'::regclass)`)
    await pair.source.query('create index on contacts (updated_at)')
    const { found } = await examine()
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

  it('refuses releases that are too old, and warns of a clock that is off', async () => {
    // A schema before pg_catalog stands in for another server.
    await pair.source.query(`
      create schema fake;
      grant usage on schema fake to public;
      create function fake.clock_timestamp() returns timestamptz language sql
        as $$ select pg_catalog.clock_timestamp() + interval '45 seconds' $$;
      create function fake.current_setting(name text) returns text language sql
        as $$ select case when name like 'server_version%' then '120022' else pg_catalog.current_setting(name) end $$`)
    await pair.source.query(`alter database ${pair.source.name} set search_path = fake, pg_catalog, public`)
    const { found } = await examine()
    expect(found).toMatchObject([
      { name: 'source-version', outcome: 'critical', remedy: 'Use release 13 or later.' },
      {
        name: 'clocks',
        outcome: 'warning',
        message: expect.stringMatching(/^The clocks of source and this host are 4\d s apart/),
      },
      {
        name: 'clocks',
        outcome: 'warning',
        message: expect.stringMatching(/^The clocks of source and target are/),
      },
    ])
    const { about } = await examine({ skewAllowance: 600_000 })
    expect(about('clocks')).toMatchObject([{ outcome: 'ok' }])
  })
})

describe('of the target the doctor', () => {
  it('tells that it was not migrated', async () => {
    await pair.target.query(
      'drop view vw_conversas_analytics, vw_etl_stats; drop table conversas_analytics, etl_control',
    )
    expect((await examine()).found).toMatchObject([
      { name: 'target-migrated', outcome: 'critical', remedy: 'Run chatwoot-sync migrate.' },
      { name: 'target-table', outcome: 'critical', remedy: 'Run chatwoot-sync migrate.' },
    ])
  })

  it('tells migrations that are pending', async () => {
    await pair.target.query(
      'delete from schema_migrations where version = (select max(version) from schema_migrations)',
    )
    expect((await examine()).found).toMatchObject([
      {
        name: 'target-migrated',
        outcome: 'critical',
        message: expect.stringMatching(/^Migrations are pending: \d+_\w+\.$/),
      },
    ])
  })

  it('tells columns and the key that are missing', async () => {
    await pair.target.query('alter table conversas_analytics drop column labels cascade')
    await pair.target.query('alter table conversas_analytics drop constraint conversas_analytics_pkey')
    expect((await examine()).found).toMatchObject([
      { name: 'target-columns', message: 'The table conversas_analytics lacks labels.' },
      {
        name: 'target-key',
        remedy: 'Create it: create unique index on conversas_analytics (conversation_id);',
      },
    ])
  })

  it('tells rights that are missing, and the grants are enough', async () => {
    const { user, password } = pair.reader
    await pair.target.query(`create role ${user} login password '${password}'`).catch(() => undefined)
    await pair.target.query(`revoke temporary on database ${pair.target.name} from public`)
    await pair.target.query(`grant select on conversas_analytics, etl_control, schema_migrations to ${user}`)
    const url = new URL(pair.target.url)
    url.username = user
    url.password = password
    const target = url.href
    const { found } = await examine({ target })
    expect(found).toMatchObject([{ name: 'target-rights', outcome: 'critical' }])
    await pair.target.query(found[0]?.remedy?.replace(/^[^:]*: /, '') ?? '')
    expect((await examine({ target })).found).toEqual([])
    expect(await syncConversations({ source: pair.readerUrl, target })).toMatchObject({ rowsInserted: 10 })
    await pair.target.query(`drop owned by ${user}`)
    await pair.target.query(`drop role if exists ${user}`).catch(() => undefined)
  })

  it('takes a Chatwoot for a mix-up', async () => {
    const { about } = await examine({ target: pair.source.url })
    expect(about('target-database')).toMatchObject([
      { outcome: 'critical', remedy: expect.stringContaining('mixed up') },
    ])
  })

  it('tells a run that is at work, and one that died', async () => {
    await pair.target.query(`insert into etl_control (load_type) values ('full')`)
    expect((await examine()).about('running-run')).toMatchObject([
      { outcome: 'ok', message: expect.stringContaining('died without closing its row') },
    ])
    const client = await pair.target.pool.connect()
    await client.query(`select pg_advisory_lock(hashtextextended('chatwoot-sync run conversations', 0))`)
    expect((await examine()).found).toMatchObject([
      { name: 'running-run', outcome: 'warning', message: expect.stringContaining('is at work since') },
    ])
    expect((await examine({ pipeline: 'other' })).found).toEqual([])
    client.release(true)
  })
})

describe('of a relation of the user’s own the doctor', () => {
  const relation = { name: 'my_view', key: 'conversation_id', changedAt: 'changed_at' }

  const createView = async (columns: string, where = 'true') => {
    await pair.source.query(`create view my_view as select ${columns} from conversations where ${where}`)
    await pair.source.query(`grant select on my_view to ${pair.reader.user}`)
  }

  it('finds nothing critical where a run can work', async () => {
    await createView('id as conversation_id, display_id, updated_at as changed_at')
    const { ok, found } = await examine({ relation })
    expect(ok).toBe(true)
    expect(found).toMatchObject([
      { name: 'relation-columns', message: 'conversas_analytics has no changed_at: not loaded.' },
      {
        name: 'relation-columns',
        message: expect.stringMatching(/^The relation has no .* and \d+ more: in conversas_analytics/),
      },
    ])
    const options = { source: pair.readerUrl, target: pair.target.url, relation }
    expect(await syncConversations(options)).toMatchObject({ rowsInserted: 10 })
  })

  it('tells that it, its columns or the right to read it are missing', async () => {
    expect((await examine({ relation })).about('relation')).toMatchObject([
      { outcome: 'critical', message: 'The source has no relation my_view.' },
    ])
    await createView('id, updated_at as changed_at')
    expect((await examine({ relation })).about('relation')).toMatchObject([
      {
        outcome: 'critical',
        message: 'The relation my_view has no column conversation_id.',
        remedy: 'It has: id, changed_at.',
      },
    ])
    await pair.source.query(`revoke select on my_view from ${pair.reader.user}`)
    expect((await examine({ relation })).about('relation')).toMatchObject([
      {
        outcome: 'critical',
        remedy: `Let its owner run: grant select on public.my_view to ${pair.reader.user};`,
      },
    ])
  })

  it('counts keys that are missing or double', async () => {
    await createView('nullif(greatest(id, 4), 4) / 3 as conversation_id, updated_at as changed_at')
    const [expected] = await pair.source.query(`
      select
        (select count(*) from my_view where conversation_id is null) as missing,
        (select count(*) from (select from my_view where conversation_id is not null group by conversation_id having count(*) > 1) g) as double`)
    const { about } = await examine({ relation })
    expect(about('relation-key')).toMatchObject([
      { outcome: 'critical', message: `${expected?.['missing']} rows of my_view have no conversation_id.` },
      {
        outcome: 'critical',
        message: `${expected?.['double']} values of conversation_id come in several rows of my_view.`,
      },
    ])
  })

  it('tells types that lose content or tell no time', async () => {
    await createView(`id as conversation_id, id as changed_at, now() as conversation_date`)
    const { found } = await examine({ relation })
    expect(found.filter(({ outcome }) => outcome === 'critical')).toMatchObject([
      { name: 'relation-columns', message: 'Column changed_at of my_view is integer, which tells no time.' },
      {
        name: 'relation-columns',
        message: expect.stringMatching(
          /^Column conversation_date is timestamp with time zone .* date in the target/,
        ),
      },
    ])
  })
})
