import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { openFolder } from '../../lib/lake/storage/folder.js'
import { createHostileTable, postgresChecksums, type Checksums } from '../fixtures/lake/hostile-table.js'
import { engines, readBy, withoutLists } from '../fixtures/lake/readers.js'
import { writeLake } from '../fixtures/lake/write-lake.js'
import { cloneDatabase, type TestDatabase } from '../setup/database.js'

const rows = Number(process.env['TEST_LAKE_ROWS'] ?? 5000)

let database: TestDatabase
let wanted: Checksums
const places = { ntz: '', utc: '' }

beforeAll(async () => {
  database = await cloneDatabase('target', 'template0')
  await createHostileTable(database, rows, 10_000_000)
  const of = { url: database.url, table: 'hostile', time: 'created' }
  for (const timestamps of ['ntz', 'utc'] as const) {
    places[timestamps] = await mkdtemp(join(tmpdir(), 'lake-readers-'))
    await using lake = await openFolder(places[timestamps])
    await writeLake(lake, { ...of, timestamps })
    // Files of earlier versions, which no reader may count.
    await writeLake(lake, { ...of, timestamps, months: ['2026-02'] })
  }
  wanted = await postgresChecksums(database)
})
afterAll(() => database[Symbol.asyncDispose]())

it.each(engines)('%s reads what PostgreSQL holds, column by column', async (engine) => {
  for (const place of Object.values(places)) {
    const found = await readBy(engine, place)
    const comparable = engine === 'clickhouse' ? withoutLists : (all: Checksums) => all
    expect(comparable(found)).toEqual(comparable(wanted))
  }
})
