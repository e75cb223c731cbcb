import { afterAll, beforeAll, expect, it } from 'vitest'

import pg from 'pg'

import { startCluster, type Cluster } from '../../bin/demo/cluster.js'
import { createChatwootSource } from '../../bin/demo/chatwoot-source.js'
import { hashKeyOf } from '../../lib/domain/column-hash.js'
import { migrate, syncConversations, verifyConversations } from '../../lib/index.js'
import { cloneDatabase } from '../setup/database.js'
import { openPool } from '../setup/pool.js'
import { preparedData } from '../setup/prepared-data.js'

const keptImage =
  /case when pg_catalog\.record_image_eq\(row\((h\."\w+")\)::record, row\(excluded\."\w+"\)::record\) then \1 else/g

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

it('pg_stat_statements keeps one text for the runs that read what changed', async () => {
  await using target = await cloneDatabase('target')
  const client = new pg.Client(server.url())
  await client.connect()
  await client.query('create database changing')
  const ends = { source: server.url('changing'), target: target.url }
  await createChatwootSource(ends.source, { conversations: 20 })
  const source = openPool({ connectionString: ends.source })
  await source.query('create extension if not exists pg_stat_statements')
  await source.query(`create table items as select 1 as id, now() as updated_at`)
  const items = {
    relation: { name: 'items', key: 'id', changedAt: 'updated_at' },
    table: 'items',
    pipeline: 'items',
  }
  const at = openPool({ connectionString: ends.target })
  await at.query('create table items (id integer primary key, updated_at timestamptz)')
  await syncConversations(ends)
  await syncConversations({ ...ends, ...items })
  await source.query('select pg_stat_statements_reset()')

  for (const [round, id] of ['3', '5', '7'].entries()) {
    await source.query(`update conversations set updated_at = now() at time zone 'UTC' where id = ${id}`)
    await source.query('update items set updated_at = now()')
    const [conversations, others] = [
      await syncConversations(ends),
      await syncConversations({ ...ends, ...items }),
    ]
    expect([conversations.rowsUpdated > 0, others.rowsUpdated, round]).toEqual([true, 1, round])
  }

  const { rows } = await source.query<{ query: string; calls: string }>(
    `select query, calls from pg_stat_statements where query like 'copy (%'`,
  )
  await Promise.all([client.end(), source.end(), at.end()])
  expect(rows.map(({ calls }) => calls)).toEqual(['3', '3'])
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
    // On one server a value of the same image is kept, by an immutable function; a distributed table is not asked for it.
    const update = (/do update set([^;]*?)returning/i.exec(text)?.[1] ?? '').replaceAll(keptImage, '')
    expect(update).not.toMatch(/\w\s*\(/)
  }
})
