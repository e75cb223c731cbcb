import { afterAll, beforeAll, expect, it } from 'vitest'

import pg from 'pg'

import { startCluster, type Cluster } from '../../bin/demo/cluster.js'
import { createChatwootSource } from '../../bin/demo/chatwoot-source.js'
import { hashKeyOf } from '../../lib/domain/column-hash.js'
import { syncConversations } from '../../lib/index.js'
import { cloneDatabase } from '../setup/database.js'
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
