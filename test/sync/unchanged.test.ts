import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import pg from 'pg'

import { createChatwootSource } from '../../bin/demo/chatwoot-source.js'
import { startCluster, type Cluster } from '../../bin/demo/cluster.js'
import { syncConversations, type SyncOptions, type SyncReport } from '../../lib/index.js'
import { cloneDatabase, type TestDatabase } from '../setup/database.js'
import { share } from '../setup/share.js'
import { preparedData } from '../setup/prepared-data.js'
import { hasMonths } from '../setup/partitions.js'

/** A server of its own: on the others, other tests take transaction ids, and every run has something to look at. */
let server: Cluster
let source: pg.Client
let target: TestDatabase
const nativeDirectory = process.env['TEST_SOURCE_POSTGRES']
const settings = { shared_preload_libraries: 'pg_stat_statements', autovacuum: 'off' }

beforeAll(async () => {
  server = await startCluster({ settings, ...(nativeDirectory ? { nativeDirectory } : await preparedData()) })
  await createChatwootSource(server.url(), { conversations: 20 })
  source = new pg.Client(server.url())
  await source.connect()
  await source.query('create extension pg_stat_statements')
})
afterAll(async () => {
  await source.end()
  await server.stop('immediate')
})

const sync = (options: Partial<SyncOptions> = {}) =>
  syncConversations({ source: server.url(), target: target.url, retryBudget: 0, ...options })

const lastState = async () => {
  const [row] = await target.query<{ shape: string | null }>(
    `select state #>> '{identities,unchanged,shape}' as shape from etl_control where state is not null`,
  )
  return row?.shape
}

/** A run after which the next one need not describe the sides. */
async function settle(options: Partial<SyncOptions> = {}) {
  await sync(options)
  expect(await lastState()).toEqual(expect.any(String))
}

beforeEach(async () => {
  target = await cloneDatabase('target')
})
afterEach(() => target[Symbol.asyncDispose]())

/** What a report says beside ids and times. */
function saidIn(report: SyncReport): Partial<SyncReport> {
  const { loadType, reason, status, warnings, triggeredBy, horizonMode, marginUsedSeconds } = report
  const { rowsExtracted, rowsInserted, rowsUpdated, rowsUnchanged, rowsDeleted, rowsRejected } = report
  return {
    ...{ loadType, reason, status, warnings, triggeredBy, horizonMode, marginUsedSeconds },
    ...{ rowsExtracted, rowsInserted, rowsUpdated, rowsUnchanged, rowsDeleted, rowsRejected },
  }
}

it('a run without changes describes neither side again', async () => {
  await sync()
  await target.query(`update etl_control set state = state #- '{identities,unchanged}'`)
  const described = await sync()
  await source.query('select pg_stat_statements_reset()')

  const report = await sync()

  const { rows } = await source.query<{ query: string }>('select query from pg_stat_statements')
  const texts = rows.map(({ query }) => query).join('\n')
  expect(texts).toContain('pg_stat_activity')
  expect(texts).not.toMatch(/pg_attribute|from users/)
  expect(saidIn(report)).toEqual(saidIn(described))
  expect(report).toMatchObject({ loadType: 'incremental', rowsExtracted: 0, status: 'success' })
  expect(Date.parse(report.watermarkEnd ?? '')).toBeGreaterThan(Date.parse(described.watermarkEnd ?? ''))
})

describe('the very next run notices', () => {
  const all = 'update conversations set updated_at = now() where id = 1'
  it.each([
    ['a row that changes', 'source', all, { loadType: 'incremental', rowsUpdated: 1 }],
    [
      'a table that is emptied',
      'target',
      'truncate conversas_analytics',
      { loadType: 'full', rowsInserted: 20 },
    ],
    [
      'a table that is another one',
      'target',
      'create table other (like conversas_analytics including all); create unique index on other (conversation_id); drop table conversas_analytics cascade; alter table other rename to conversas_analytics',
      { loadType: 'full', rowsInserted: 20 },
    ],
    [
      'a table that takes a column of another type',
      'target',
      'alter table conversas_analytics drop column priority cascade, add column priority bigint',
      { loadType: 'full' },
    ],
  ] as const)('%s', async (_what, side, change, report) => {
    await settle()
    await (side === 'source' ? source.query(change) : target.query(change))
    expect(await sync()).toMatchObject(report)
  })

  const broken: [string, string, string][] = [
    [
      'a key without its index',
      'alter table conversas_analytics drop constraint conversas_analytics_pkey cascade',
      'TARGET_COLUMN_MISSING',
    ],
    [
      'a column that is gone',
      'alter table conversas_analytics drop column status cascade',
      'TARGET_COLUMN_MISSING',
    ],
    ['a table that is gone', 'drop table conversas_analytics cascade', 'TARGET_NOT_MIGRATED'],
  ]
  it.each(share(broken.slice(0, 1), broken))('%s', async (_what, change, code) => {
    await settle()
    await target.query(change)
    await expect(sync()).rejects.toMatchObject({ code })
  })

  const changed: [string, Partial<SyncOptions>][] = [
    ['another time zone', { timeZone: 'America/Sao_Paulo' }],
    ['another filter', { accounts: [1] }],
    ['a column that is left out', { columns: { exclude: ['contact_email'] } }],
    ['texts that are left out', { messageTexts: false }],
    ['a full load', { loadType: 'full' }],
  ]
  it.each(share(changed.slice(0, 1), changed))('options: %s', async (_what, options) => {
    await settle()
    expect(await sync(options)).toMatchObject({ loadType: 'full' })
  })

  it('another key of hashed columns', async () => {
    const columns = { hash: ['contact_email'] }
    await settle({ columns, hashSecret: 'the first of the secrets' })
    expect(await sync({ columns, hashSecret: 'the second of the secrets' })).toMatchObject({
      loadType: 'full',
    })
  })

  it('a column that Chatwoot has added', async () => {
    await settle()
    await source.query('alter table conversations add column mood integer')
    const { warnings } = await sync()
    await settle()
    const later = await sync()
    await source.query('alter table conversations drop column mood')
    for (const said of [warnings, later.warnings]) {
      expect(said).toContainEqual(expect.objectContaining({ code: 'COLUMNS_IGNORED' }))
    }
  })

  it('a role that may read less, and one that finds other tables', async () => {
    await source.query(
      `create role reader login password 'reader'; grant select on all tables in schema public to reader`,
    )
    const reader = { source: server.url().replace(/postgres(:[^@]*)?@/, 'reader:reader@') }
    await settle(reader)
    await source.query('revoke select on conversations from reader')
    await expect(sync(reader)).rejects.toMatchObject({ code: 'SOURCE_FORBIDDEN' })
    await source.query('grant select on conversations to reader')
    await settle(reader)
    await source.query(
      'create schema other; grant usage on schema other to reader; create table other.conversations (id integer)',
    )
    await settle(reader)
    const url = new URL(reader.source)
    url.searchParams.set('options', '-c search_path=other,public')
    await expect(sync({ source: url.href })).rejects.toMatchObject({ code: 'COLUMN_MISSING' })
    await source.query('drop schema other cascade; drop owned by reader; drop role reader')
  })

  // The statistics of a partitioned table do not count its deleted rows.
  it.skipIf(hasMonths)(
    'rows that another program has deleted, and a rejected row that is to be tried again',
    async () => {
      await settle()
      await target.query(
        'delete from conversas_analytics where conversation_id = 3; select pg_stat_force_next_flush()',
      )
      const { warnings } = await sync()
      await settle()
      await target.query(`
      insert into etl_rejects (pipeline, row_key, sql_state, message, execution_id)
      select 'conversations', '3', '22000', 'of the test', execution_id from etl_control limit 1`)
      expect(await sync()).toMatchObject({ rowsExtracted: 1, rowsInserted: 1 })
      if (nativeDirectory === undefined)
        expect(warnings.map(({ code }) => code)).toContain('TARGET_ROWS_DELETED')
    },
  )

  it('a row of a foreign table, as its server has transactions of its own', async () => {
    await using remote = await cloneDatabase('source', 'template0')
    await remote.query('create table base (id integer, v text, updated_at timestamptz)')
    const { hostname, port, username, password } = new URL(remote.url)
    await source.query(`
      create extension postgres_fdw;
      create server there foreign data wrapper postgres_fdw options (host '${hostname}', port '${port}', dbname '${remote.name}');
      create user mapping for current_user server there options (user '${username}', password '${password}');
      create foreign table st (id integer, v text, updated_at timestamptz) server there options (table_name 'base')`)
    await target.query('create table tt (id integer primary key, v text, updated_at timestamptz)')
    const relation = { name: 'st', key: 'id', changedAt: 'updated_at' }
    for (let run = 0; run < 2; run += 1) await sync({ relation, table: 'tt' })
    await remote.query(`insert into base values (1, 'one', now())`)

    const report = await sync({ relation, table: 'tt' })
    await source.query('drop extension postgres_fdw cascade')
    expect(report).toMatchObject({ loadType: 'full', rowsInserted: 1 })
  })

  it('that it is time to look for edited messages again', async () => {
    await settle()
    await target.query(`
      update etl_control
      set state = jsonb_set(state, '{edits}', '{"since": 0, "lookedAt": 0}')
      where state is not null`)
    await sync()
    const [row] = await target.query(
      `select state #>> '{edits,since}' as since from etl_control where state is not null`,
    )
    expect(row).toEqual({ since: null })
  })
})
