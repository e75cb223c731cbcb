import { afterAll, beforeAll, expect, it } from 'vitest'

import { checkpointDelta } from '../../lib/lake/checkpoint-delta.js'
import { readDelta } from '../../lib/lake/delta/read-delta.js'
import { vacuumDelta } from '../../lib/lake/delta/vacuum-delta.js'
import { createHostileTable, postgresChecksums } from '../fixtures/lake/hostile-table.js'
import { engines, readBy } from '../fixtures/lake/readers.js'
import { openLakeFolder } from '../fixtures/lake/temporary.js'
import { writeLake } from '../fixtures/lake/write-lake.js'
import { cloneDatabase, type TestDatabase } from '../setup/database.js'

const rows = Number(process.env['TEST_LAKE_ROWS'] ?? 5000)

/** One with times without a zone, and one with points in time and a checkpoint without which it cannot be read. */
let lakes: Awaited<ReturnType<typeof openLakeFolder>>[] = []
let database: TestDatabase

beforeAll(async () => {
  database = await cloneDatabase('target', 'template0')
  await createHostileTable(database, rows, 10_000_000)
  const of = { url: database.url, table: 'hostile', time: 'created' }
  lakes = await Promise.all([openLakeFolder(), openLakeFolder()])
  for (const [index, lake] of lakes.entries()) {
    const timestamps = index === 0 ? 'ntz' : 'utc'
    await writeLake(lake, { ...of, timestamps })
    // Leaves a file of an earlier version, which no reader may count.
    await writeLake(lake, { ...of, timestamps, months: ['2026-02'] })
    if (index === 0) continue
    await checkpointDelta(lake)
    await writeLake(lake, { ...of, timestamps, months: ['2026-03'] })
    const table = await readDelta(lake)
    // The versions before the checkpoint are gone then.
    if (table) await vacuumDelta(lake, table, new Date(Date.now() + 60_000))
  }
})
afterAll(async () => {
  for (const lake of lakes) await lake[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

it.each(engines)('%s reads what PostgreSQL holds, column by column', async (engine) => {
  // ClickHouse has no lists that can be NULL.
  const wanted = await postgresChecksums(database, engine === 'clickhouse' ? 'empty' : 'apart')
  const found = await readBy(
    engine,
    lakes.map(({ place }) => place),
  )
  expect(found).toEqual([wanted, wanted])
})
