import { afterAll, beforeAll, expect, it } from 'vitest'

import pg from 'pg'

import { startCluster, type Cluster } from '../../bin/demo/cluster.js'
import { createChatwootSource } from '../../bin/demo/chatwoot-source.js'
import { hashKeyOf } from '../../lib/domain/column-hash.js'
import { migrate, syncConversations, verifyConversations } from '../../lib/index.js'
import { cloneDatabase } from '../setup/database.js'
import { openPool } from '../setup/pool.js'
import { preparedData } from '../setup/prepared-data.js'

/** A server of its own, as the extension has to be loaded with it. */
let server: Cluster
const nativeDirectory = process.env['TEST_SOURCE_POSTGRES']
const settings = { shared_preload_libraries: 'pg_stat_statements', 'pg_stat_statements.track_utility': 'on' }

beforeAll(async () => {
  server = await startCluster({ settings, ...(nativeDirectory ? { nativeDirectory } : await preparedData()) })
})
afterAll(() => server.stop('immediate'))

it('pg_stat_statements does not keep the key of hashed columns', async () => {
  await using target = await cloneDatabase('target')
  await createChatwootSource(server.url(), { conversations: 20 })
  const client = new pg.Client(server.url())
  await client.connect()
  await client.query('create extension pg_stat_statements')
  const hashSecret = 'a secret that nobody else may know'
  const key = hashKeyOf(hashSecret)
  const options = {
    source: server.url(),
    target: target.url,
    columns: { hash: ['contact_email'] },
    hashSecret,
  }

  await syncConversations(options)
  await syncConversations(options)

  const { rows } = await client.query<{ query: string }>('select query from pg_stat_statements')
  await client.end()
  const texts = rows.map(({ query }) => query).join('\n')
  expect(texts).toContain('chatwoot_sync.hash_inner')
  for (const part of [hashSecret, key.inner, key.outer]) expect(texts).not.toContain(part)
})

it('no statement about the table asks for what a partitioned or a distributed table rejects', async () => {
  const client = new pg.Client(server.url())
  await client.connect()
  await client.query('create database chatwoot')
  await client.query('create database analytics')
  const ends = { source: server.url('chatwoot'), target: server.url('analytics') }
  await createChatwootSource(ends.source, { conversations: 20 })
  await migrate({ target: ends.target })
  const source = openPool({ connectionString: ends.source })
  const target = openPool({ connectionString: ends.target })
  await client.query('create extension if not exists pg_stat_statements')
  await client.query('select pg_stat_statements_reset()')

  await syncConversations(ends)
  await source.query(`update conversations set updated_at = now() at time zone 'UTC', status = 1 - status`)
  await syncConversations({ ...ends, dryRun: true })
  await syncConversations(ends)
  await source.query('delete from conversations where id = (select min(id) from conversations)')
  await syncConversations({ ...ends, loadType: 'full', maxDeleteShare: 1 })
  await target.query('update conversas_analytics set status = 7')
  await verifyConversations({ ...ends, repair: true })

  const { rows } = await client.query<{ query: string }>(
    `select query from pg_stat_statements where query ~ 'conversas_analytics|chatwoot_sync_'`,
  )
  await Promise.all([client.end(), source.end(), target.end()])
  const texts = rows.map(({ query }) => query)
  expect(texts.some((text) => text.includes('on conflict'))).toBe(true)
  expect(texts.some((text) => text.includes('chatwoot_sync_missing'))).toBe(true)
  for (const text of texts) {
    expect(text).not.toMatch(/\bselect\s+(from|where)\b/i)
    expect(text).not.toMatch(/\breturning\b[^;]*\b(xmin|xmax|ctid|tableoid)\b/i)
    expect(text).not.toMatch(/\*(=|<>)/)
    expect(/do update set([^;]*?)returning/i.exec(text)?.[1] ?? '').not.toMatch(/\w\s*\(/)
  }
})
