import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { syncConversations } from '../../lib/index.js'
import { openPractice, type Practice } from '../fixtures/doctor-fixture.js'
import { openWriter } from '../fixtures/target-writer.js'

let pair: Practice
beforeEach(async () => {
  pair = await openPractice()
})
afterEach(() => pair[Symbol.asyncDispose]())

const relation = { name: 'items', key: 'id', changedAt: 'updated_at' }
const own = { relation, table: 'stored', pipeline: 'items' }

const createItems = (columns: string) =>
  pair.source
    .query(
      `
    create table items (id integer primary key, amount integer, updated_at timestamptz default now());
    insert into items (id, amount) values (1, 10);
    grant select on items to ${pair.reader.user}`,
    )
    .then(() => pair.target.query(`create table stored (${columns})`))

describe('on what a table does by itself, the doctor', () => {
  it('names columns that the table computes, and one that no run fills', async () => {
    await createItems(`
      id integer generated always as identity primary key,
      amount integer generated always as (7) stored,
      must text not null,
      may text not null default '',
      updated_at timestamptz`)
    const { found } = await pair.examine(own)
    expect(found).toMatchObject([
      {
        name: 'target-generated',
        outcome: 'warning',
        message: expect.stringContaining('computes amount itself'),
        remedy: 'Have its owner run: alter table "public"."stored" alter column "amount" drop expression;',
      },
      {
        name: 'target-required',
        outcome: 'critical',
        message: expect.stringContaining('must may not be NULL'),
        remedy: expect.stringContaining('alter table "public"."stored" alter column "must" drop not null;'),
      },
    ])
  })

  it('finds the remedies to be enough', async () => {
    await createItems(`
      id integer primary key,
      amount integer generated always as (7) stored,
      must text not null,
      updated_at timestamptz`)
    for (const { remedy } of (await pair.examine(own)).found) {
      const [, statement = 'select'] = /: (alter [^;]*;)/.exec(remedy ?? '') ?? []
      await pair.target.query(statement)
    }
    const report = await syncConversations({ ...own, source: pair.readerUrl, target: pair.target.url })
    expect(report).toMatchObject({ rowsInserted: 1, rowsRejected: 0 })
    expect(await pair.target.query('select amount from stored')).toEqual([{ amount: 10 }])
  })

  it('names a column of its own table that no run fills', async () => {
    await pair.target.query('alter table conversas_analytics add column shop text not null')
    expect((await pair.examine()).found).toMatchObject([
      {
        name: 'target-required',
        outcome: 'critical',
        message: expect.stringContaining('shop may not be NULL'),
      },
    ])
  })

  it('names triggers that run before a row is written, and rewrite rules', async () => {
    await createItems('id integer primary key, amount integer, updated_at timestamptz')
    await pair.target.query(`
      create function touch() returns trigger language plpgsql as $$ begin return null; end $$;
      create trigger touching before insert or update on stored for each row execute function touch();
      create trigger seeing after insert on stored for each row execute function touch();
      create trigger sleeping before insert on stored for each row execute function touch();
      alter table stored disable trigger sleeping;
      create rule quiet as on update to stored do also nothing`)
    expect((await pair.examine(own)).found).toMatchObject([
      {
        name: 'target-triggers',
        outcome: 'warning',
        message: expect.stringMatching(/change or drop it: touching, which calls touch\.$/),
      },
      {
        name: 'target-rules',
        outcome: 'critical',
        remedy: 'Have its owner run: drop rule "quiet" on stored;',
      },
    ])
  })
})

describe('on row security, the doctor', () => {
  it('finds that of the target, and the policy that it proposes is enough', async () => {
    await createItems('id integer primary key, amount integer, updated_at timestamptz')
    await using writer = await openWriter(pair.target)
    const given = { ...own, target: writer.url }
    await pair.target.query('alter table stored enable row level security')
    const { about } = await pair.examine(given)
    expect(about('target-row-security')).toMatchObject([
      { outcome: 'critical', message: expect.stringContaining(`keeps the role ${writer.role} from`) },
    ])
    await pair.target.query(
      `create policy partly on stored to ${writer.role} using (id <> 2) with check (true)`,
    )
    const some = (await pair.examine(given)).about('target-row-security')
    expect(some).toMatchObject([
      { outcome: 'critical', message: expect.stringContaining('may keep the role') },
    ])
    const [policy = ''] = /create policy .*;$/.exec(some[0]?.remedy ?? '') ?? []
    await pair.target.query(policy)
    expect((await pair.examine(given)).found).toEqual([])
    expect(await syncConversations({ ...given, source: pair.readerUrl })).toMatchObject({ rowsInserted: 1 })
    expect((await pair.examine(own)).about('target-row-security')).toEqual([])
  })

  it('finds that of the source, whose hidden rows look deleted', async () => {
    const { user } = pair.reader
    await pair.source.query('alter table conversations enable row level security')
    expect((await pair.examine()).found).toMatchObject([
      {
        name: 'source-row-security',
        outcome: 'critical',
        message: `Row security hides every row of conversations from the role ${user}.`,
      },
    ])
    await pair.source.query(
      `create policy partly on conversations for select to ${user} using (account_id = 1)`,
    )
    expect((await pair.examine()).found).toMatchObject([
      {
        name: 'source-row-security',
        outcome: 'warning',
        message: expect.stringContaining('count as deleted'),
      },
    ])
    await pair.source.query(`create policy everything on conversations for select to public using (true)`)
    expect((await pair.examine()).found).toEqual([])
  })
})

describe('on the source, the doctor foretells', () => {
  it('that a materialized view shows no change, also beneath a view', async () => {
    await createItems('id integer primary key, amount integer, updated_at timestamptz')
    await pair.source.query(`
      create materialized view kept as select * from items;
      create unique index on kept (id);
      create view shown as select * from kept;
      grant select on kept, shown to ${pair.reader.user}`)
    for (const name of ['kept', 'shown']) {
      const { found } = await pair.examine({ ...own, relation: { ...relation, name } })
      expect(found).toMatchObject([
        {
          name: 'relation-kind',
          outcome: 'warning',
          message: expect.stringContaining(`${name} reads kept,`),
        },
        {
          name: 'relation-changes',
          message: expect.stringContaining('public.kept can be refreshed in place'),
        },
      ])
    }
    expect((await pair.examine(own)).found).toEqual([])
  })

  it('what a missing index on the change column costs', async () => {
    await createItems('id integer primary key, amount integer, updated_at timestamptz')
    await pair.source.query(`update pg_class set reltuples = 1234567 where oid = 'items'::regclass`)
    expect((await pair.examine(own)).found).toMatchObject([
      {
        name: 'relation-index',
        message: expect.stringMatching(
          /^items has about 1,234,567 rows \(.* (bytes|kB)\) and no index on updated_at, so every incremental run reads all of it\.$/,
        ),
        remedy: expect.stringContaining('create index concurrently on items ("updated_at");'),
      },
    ])
  })

  it('that the index is gone by which runs find new messages', async () => {
    await pair.source.query(`
      drop index index_messages_on_created_at;
      update pg_class set reltuples = 200000 where oid = 'messages'::regclass`)
    const { found } = await pair.examine()
    expect(found.map(({ remedy }) => remedy)).toEqual([
      expect.stringContaining('index_messages_on_created_at on messages (created_at);'),
      expect.stringContaining('index_messages_on_updated_at on messages (updated_at);'),
    ])
  })

  it('a Chatwoot before 1.18, as a run does', async () => {
    await pair.source.query('drop table csat_survey_responses cascade')
    const { found } = await pair.examine()
    expect(found).toMatchObject([
      {
        name: 'source-release',
        outcome: 'critical',
        message: expect.stringMatching(/^This Chatwoot is older than 1\.18: .*csat_survey_responses\.$/),
      },
    ])
    await expect(
      syncConversations({ source: pair.readerUrl, target: pair.target.url }),
    ).rejects.toMatchObject({
      code: 'RELATION_MISSING',
      message: expect.stringContaining('older than 1.18'),
    })
  })

  it('that a transaction which stays open makes runs read again', async () => {
    const client = new pg.Client(pair.source.url)
    await client.connect()
    await client.query('begin; lock table accounts in share mode')
    const { about } = await pair.examine({ source: pair.source.url, skewAllowance: 0 })
    expect(about('source-transactions')).toMatchObject([
      { outcome: 'warning', remedy: expect.stringContaining('pg_terminate_backend') },
    ])
    expect((await pair.examine()).about('source-transactions')).toEqual([])
    await client.end()
  })
})

describe('on encodings, the doctor', () => {
  it('warns of a source and of a target that cannot hold every text', async () => {
    const { name } = pair.target
    await pair.target.query(`create database ${name}_latin encoding latin1 locale 'C' template template0`)
    await pair.source.query(
      `create database ${pair.source.name}_ascii encoding sql_ascii locale 'C' template template0`,
    )
    const withName = (url: string, database: string) =>
      Object.assign(new URL(url), { pathname: `/${database}` }).href
    try {
      const { about } = await pair.examine({
        source: withName(pair.source.url, `${pair.source.name}_ascii`),
        target: withName(pair.target.url, `${name}_latin`),
      })
      expect(about('source-encoding')).toMatchObject([
        { outcome: 'warning', message: expect.stringContaining('SQL_ASCII') },
      ])
      expect(about('target-encoding')).toMatchObject([
        { outcome: 'warning', message: expect.stringContaining('LATIN1') },
      ])
    } finally {
      await pair.target.query(`drop database ${name}_latin with (force)`)
      await pair.source.query(`drop database ${pair.source.name}_ascii with (force)`)
    }
  })
})
