import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'

import { readDelta } from '../../lib/lake/delta/read-delta.js'
import { honoursPutIfAbsent, openStorage } from '../../lib/lake/storage/open-storage.js'
import { createHostileTable, postgresChecksums } from '../fixtures/lake/hostile-table.js'
import { openMoto } from '../fixtures/lake/moto.js'
import { readBy } from '../fixtures/lake/readers.js'
import { writeLake } from '../fixtures/lake/write-lake.js'
import { cloneDatabase } from '../setup/database.js'

let store: Awaited<ReturnType<typeof openMoto>>
beforeAll(async () => {
  store = await openMoto('data')
})
afterAll(() => store[Symbol.asyncDispose]())

const credentials = { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' }
beforeEach(() => Object.entries(credentials).forEach(([name, value]) => vi.stubEnv(name, value)))
afterEach(() => void vi.unstubAllEnvs())

it('keeps a promise in a bucket: of eight writers exactly one commits', async () => {
  await using lake = await openStorage('s3://data/race', { endpoint: store.endpoint })
  expect(await honoursPutIfAbsent(lake)).toBe(true)
  const texts = Array.from({ length: 8 }, (_, index) => String(index))
  const created = await Promise.all(texts.map((text) => lake.putIfAbsent('v', text)))
  expect(created.filter(Boolean)).toHaveLength(1)
  expect(await lake.read('v')).toBe(String(created.indexOf(true)))
})

it('is a lake that others read from the bucket', async () => {
  await using database = await cloneDatabase('target', 'template0')
  await createHostileTable(database, 300, 1_000_000)
  await using lake = await openStorage('s3://data/lakes/mine', { endpoint: store.endpoint })
  const of = { url: database.url, table: 'hostile', time: 'created' }
  expect(await writeLake(lake, of)).toBe(true)
  expect(await writeLake(lake, { ...of, months: ['2026-01', '2026-02'] })).toBe(true)
  const table = await readDelta(lake)
  expect(table).toMatchObject({ version: 1 })
  expect(table?.files.size).toBe(7)
  const options = {
    ...credentials,
    AWS_ENDPOINT_URL: store.endpoint,
    AWS_ALLOW_HTTP: 'true',
    AWS_REGION: 'us-east-1',
  }
  expect(await readBy('delta-rs', ['s3://data/lakes/mine'], options)).toEqual([
    await postgresChecksums(database),
  ])
})
