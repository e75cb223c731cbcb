import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { migrate, syncConversations, verifyConversations, type DatabaseHandle } from '../../lib/index.js'
import { sendAlerts } from '../../lib/operations/alerts/send-alerts.js'
import { diagnose } from '../../lib/operations/doctor/diagnose.js'
import { forgetContact } from '../../lib/operations/forget-contact.js'
import { startPooler, type Pooler, type PoolMode } from '../fixtures/pooler.js'
import { cloneDatabase, sourceServer, targetServer, type TestDatabase } from '../setup/database.js'
import { differences, openSync } from '../fixtures/sync-fixture.js'
import { chatwootSize } from '../setup/templates.js'

/** Opens connections of the pooler to the server, so that it hands out one after the other. */
async function warm(url: string): Promise<void> {
  const clients = await Promise.all(
    [1, 2, 3].map(async () => {
      const client = new pg.Client(url)
      await client.connect()
      await client.query('begin; select 1')
      return client
    }),
  )
  for (const client of clients) {
    await client.query('commit')
    await client.end()
  }
}

const poolers = new Map<string, Pooler>()
async function through(side: 'source' | 'target', mode: PoolMode, { url }: TestDatabase): Promise<string> {
  const pooled = poolers.get(`${side} ${mode}`)?.through(url) ?? ''
  if (mode === 'transaction') await warm(pooled)
  return pooled
}

async function withPool<T>(url: string, work: (pool: pg.Pool) => Promise<T>): Promise<T> {
  const pool = new pg.Pool({ connectionString: url })
  pool.on('error', () => undefined)
  try {
    return await work(pool)
  } finally {
    await pool.end()
  }
}

const kyselyOf = (pool: pg.Pool) =>
  new Kysely<Record<string, never>>({ dialect: new PostgresDialect({ pool }) })

describe('through PgBouncer', () => {
  beforeAll(async () => {
    const open = async (side: 'source' | 'target', mode: PoolMode, url: string) => {
      poolers.set(`${side} ${mode}`, await startPooler(url, mode))
    }
    await Promise.all([
      open('source', 'transaction', sourceServer()),
      open('source', 'statement', sourceServer()),
      open('target', 'transaction', targetServer()),
      open('target', 'session', targetServer()),
    ])
  })
  afterAll(async () => {
    await Promise.all([...poolers.values()].map((pooler) => pooler[Symbol.asyncDispose]()))
  })

  it('the pooler of these tests takes another connection for each transaction', async () => {
    await using source = await cloneDatabase('source')
    const client = new pg.Client(await through('source', 'transaction', source))
    await client.connect()
    const pid = async () => (await client.query('select pg_backend_pid()')).rows[0]
    expect(await pid()).not.toEqual(await pid())
    await client.end()
  })

  it.each(['copy', 'Kysely'] as const)('reads the source in transactions, by %s', async (way) => {
    await using at = await openSync()
    const url = await through('source', 'transaction', at.source)
    await withPool(url, async (pool) => {
      const source: DatabaseHandle = way === 'Kysely' ? kyselyOf(pool) : url
      const options = {
        source,
        extractor: way === 'copy' ? ('copy' as const) : ('cursor' as const),
        batchSize: 60,
      }
      // Under several snapshots, so that it goes on over another connection in its middle.
      expect(await at.sync({ ...options, maxSnapshotSeconds: 0.001 })).toMatchObject({
        rowsInserted: chatwootSize,
      })
      expect(await differences(at)).toEqual([])
      await at.source.query('update conversations set priority = 3, updated_at = now() where id % 5 = 0')
      await at.source.query('delete from conversations where id = 7')

      expect(await at.sync(options)).toMatchObject({ loadType: 'incremental', rowsUpdated: chatwootSize / 5 })
      expect(await at.sync({ ...options, loadType: 'full' })).toMatchObject({
        rowsDeleted: 1,
        rowsUpdated: 0,
      })

      expect(await differences(at)).toEqual([])
      const verified = await verifyConversations({ source, target: at.target.url })
      expect(verified).toMatchObject({ rowsMissing: 0, rowsStale: 0, rowsExtra: 0 })
    })
  })

  it('reads over several connections of the pooler under one snapshot, and says when it has no more', async () => {
    await using at = await openSync()
    const source = await through('source', 'transaction', at.source)
    const options = { source, batchSize: 5, loadType: 'full', maxSnapshotSeconds: 0.2 } as const
    const report = await at.sync({ ...options, parallel: 3 })
    expect(report).toMatchObject({ rowsInserted: chatwootSize })
    expect(report.warnings.map(({ code }) => code)).not.toContain('PARALLEL_REDUCED')

    const reduced = await at.sync({ ...options, parallel: 6, connectTimeout: 1500 })

    expect(reduced).toMatchObject({ rowsUnchanged: chatwootSize })
    expect(reduced.warnings).toContainEqual({
      code: 'PARALLEL_REDUCED',
      message: expect.stringMatching(/^Loaded over [1-4] connections? to each side instead of 6: /),
    })
    expect(await differences(at)).toEqual([])
  })

  it('goes on after the pooler has lost its connection to the source', async () => {
    await using at = await openSync()
    const source = await through('source', 'transaction', at.source)
    let ending: Promise<unknown> | undefined
    const end = () =>
      at.source.query(`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`)
    const onProgress = () => void (ending ??= end())

    const report = await at.sync({
      source,
      onProgress,
      extractor: 'cursor',
      batchSize: 20,
      retryBudget: 30_000,
    })

    await ending
    expect(report.warnings).toContainEqual({
      code: 'RETRIED',
      message: expect.stringContaining('SOURCE_UNREACHABLE'),
    })
    expect(await differences(at)).toEqual([])
  })

  it('says which startup parameter of the source is refused, and does not try again', async () => {
    await using at = await openSync()
    const url = await through('source', 'transaction', at.source)
    await expect(
      at.sync({ source: `${url}?options=-c%20work_mem=1MB`, retryBudget: 60_000 }),
    ).rejects.toMatchObject({
      code: 'SOURCE_POOLED',
      message: expect.stringContaining('unsupported startup parameter: options'),
    })
  })

  it('says that a source which is pooled by statement has no transactions, and does not try again', async () => {
    await using at = await openSync()
    const source = await through('source', 'statement', at.source)
    await expect(at.sync({ source, retryBudget: 60_000 })).rejects.toMatchObject({
      code: 'SOURCE_POOLED',
      message: expect.stringContaining('pool by transaction'),
    })
  })

  it('refuses the target before it writes or locks anything', async () => {
    await using at = await openSync()
    const target = await through('target', 'transaction', at.target)
    const source = at.source.url
    const pooled = { code: 'TARGET_POOLED', message: expect.stringContaining("server's own address") }

    await expect(at.sync({ target, retryBudget: 60_000 })).rejects.toMatchObject(pooled)
    await expect(at.sync({ target, dryRun: true })).rejects.toMatchObject(pooled)
    await withPool(target, (pool) => expect(at.sync({ target: pool })).rejects.toMatchObject(pooled))
    await expect(verifyConversations({ source, target })).rejects.toMatchObject(pooled)
    await expect(forgetContact({ target, contactId: 1 })).rejects.toMatchObject(pooled)
    await expect(migrate({ target })).rejects.toMatchObject(pooled)
    await expect(sendAlerts({ target, channels: { webhook: 'http://127.0.0.1:9/' } })).rejects.toMatchObject(
      pooled,
    )

    const counts =
      'select (select count(*) from etl_control) + (select count(*) from conversas_analytics) as rows'
    expect(await at.target.query(counts)).toEqual([{ rows: '0' }])
    const locks = `select from pg_locks where locktype = 'advisory'
      and database = (select oid from pg_database where datname = current_database())`
    expect(await at.target.query(locks)).toEqual([])
    const { checks } = await diagnose({ source, target })
    expect(checks).toContainEqual(expect.objectContaining({ name: 'target-pooler', outcome: 'critical' }))
    expect(await at.sync()).toMatchObject({ rowsInserted: chatwootSize })
  })

  it('never takes a target behind a Kysely or a wrong word for one connection', async () => {
    await using at = await openSync()
    const url = await through('target', 'transaction', at.target)
    const refused = { code: expect.stringMatching(/^(TARGET_POOLED|LOCK_LOST)$/) }
    await withPool(url, async (pool) => {
      await expect(at.sync({ target: kyselyOf(pool) })).rejects.toMatchObject(refused)
    })
    await expect(at.sync({ target: `${url}?pooler=session`, pipeline: 'other' })).rejects.toMatchObject(
      refused,
    )
    expect(await at.target.query('select from conversas_analytics')).toEqual([])
  })

  it('works with a target that is pooled by session once it is told so', async () => {
    await using at = await openSync()
    const url = await through('target', 'session', at.target)
    await expect(at.sync({ target: url })).rejects.toMatchObject({ code: 'TARGET_POOLED' })
    const target = `${url}?pooler=session`

    expect(await migrate({ target })).toMatchObject({ applied: [] })
    expect(await syncConversations({ source: at.source.url, target })).toMatchObject({
      rowsInserted: chatwootSize,
    })
    expect(await withPool(target, (pool) => at.sync({ target: pool }))).toMatchObject({
      loadType: 'incremental',
    })

    expect(await differences(at)).toEqual([])
  })

  it('migrates a schema of its own where the path of the role leads to it', async () => {
    await using at = await openSync()
    const target = `${await through('target', 'session', at.target)}?pooler=session`
    await expect(migrate({ target, schema: 'tenant_b' })).rejects.toMatchObject({
      code: 'TARGET_POOLED',
      remedy: expect.stringContaining('set search_path = "tenant_b"'),
    })
    await at.target.query(`alter database ${at.target.name} set search_path = tenant_b`)
    // Connections of the pooler that are open keep the path that they began with.
    await at.target.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
    )
    expect(await migrate({ target, schema: 'tenant_b' })).toMatchObject({ alreadyApplied: 0 })
    expect(await at.sync({ target, schema: 'tenant_b' })).toMatchObject({ rowsInserted: chatwootSize })
    expect(await at.target.query('select from public.etl_control')).toEqual([])
  })
})
