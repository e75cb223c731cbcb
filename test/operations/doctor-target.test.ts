import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { syncConversations } from '../../lib/index.js'
import { openPractice, type Practice } from '../fixtures/doctor-fixture.js'

let pair: Practice
beforeEach(async () => {
  pair = await openPractice()
})
afterEach(() => pair[Symbol.asyncDispose]())

describe('on the target, the doctor', () => {
  it('reports that it was not migrated', async () => {
    await pair.target.query(
      'drop view vw_conversas_analytics, vw_etl_stats; drop table conversas_analytics, etl_control cascade',
    )
    expect((await pair.examine()).found).toMatchObject([
      { name: 'target-migrated', outcome: 'critical', remedy: 'Run chatwoot-sync migrate.' },
      { name: 'target-table', outcome: 'critical', remedy: 'Run chatwoot-sync migrate.' },
    ])
  })

  it('names migrations that are pending', async () => {
    await pair.target.query(
      'delete from schema_migrations where version = (select max(version) from schema_migrations)',
    )
    expect((await pair.examine()).found).toMatchObject([
      {
        name: 'target-migrated',
        outcome: 'critical',
        message: expect.stringMatching(/^Migrations are pending: \d+_\w+\.$/),
      },
    ])
  })

  it('names columns and a key that are missing', async () => {
    await pair.target.query('alter table conversas_analytics drop column labels cascade')
    await pair.target.query('alter table conversas_analytics drop constraint conversas_analytics_pkey')
    expect((await pair.examine()).found).toMatchObject([
      { name: 'target-columns', message: 'The table conversas_analytics lacks labels.' },
      {
        name: 'target-key',
        remedy: 'Create it: create unique index on "public"."conversas_analytics" ("conversation_id");',
      },
    ])
  })

  it('names missing rights, and the grants are enough', async () => {
    const { user, password } = pair.reader
    await pair.target.query(`create role ${user} login password '${password}'`).catch(() => undefined)
    await pair.target.query(`revoke temporary on database ${pair.target.name} from public`)
    await pair.target.query(`grant select on conversas_analytics, etl_control, schema_migrations to ${user}`)
    const url = new URL(pair.target.url)
    url.username = user
    url.password = password
    const target = url.href
    const { found } = await pair.examine({ target })
    expect(found).toMatchObject([
      { name: 'target-rights', outcome: 'critical' },
      { name: 'target-history', outcome: 'warning' },
    ])
    for (const { remedy } of found) await pair.target.query(remedy?.replace(/^[^:]*: /, '') ?? '')
    expect((await pair.examine({ target })).found).toEqual([])
    expect(await syncConversations({ source: pair.readerUrl, target })).toMatchObject({ rowsInserted: 10 })
    await pair.target.query(`drop owned by ${user}`)
    await pair.target.query(`drop role if exists ${user}`).catch(() => undefined)
  })

  it('asks whether source and target are swapped where it is a Chatwoot', async () => {
    const { about } = await pair.examine({ target: pair.source.url })
    expect(about('target-database')).toMatchObject([
      { outcome: 'critical', remedy: expect.stringContaining('swapped') },
    ])
  })

  it('reports a run in progress, and one that died', async () => {
    await pair.target.query(`insert into etl_control (load_type) values ('full')`)
    expect((await pair.examine()).about('running-run')).toMatchObject([
      { outcome: 'ok', message: expect.stringContaining('died without closing its row') },
    ])
    const client = await pair.target.pool.connect()
    await client.query(`select pg_advisory_lock(hashtextextended('chatwoot-sync run conversations', 0))`)
    expect((await pair.examine()).found).toMatchObject([
      { name: 'running-run', outcome: 'warning', message: expect.stringContaining('is in progress since') },
    ])
    expect((await pair.examine({ pipeline: 'other' })).found).toEqual([])
    client.release(true)
  })
})
