import { writeFileSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

import pg from 'pg'
import { expect, it } from 'vitest'

import { unregisterLake, verifyConversations } from '../../lib/index.js'
import { describeTarget } from '../../lib/postgres/driver/catalog.js'
import { openSession } from '../../lib/postgres/driver/connect.js'
import { openLake, tableOfLake } from '../fixtures/lake-fixture.js'
import { insertConversation } from '../fixtures/sync-fixture.js'
import { waitingLocks } from '../setup/database.js'

const connection = { applicationName: 'test', connectTimeout: 10_000 }

it('the first version holds every row, and nothing is written where nothing has changed', async () => {
  await using at = await openLake()
  const first = await at.replicate()
  expect(first).toMatchObject({
    ...{ lake: at.to, table: 'conversas_analytics', version: 0, committed: true, reason: 'first version' },
    ...{ months: ['2026-01', '2026-02', '2026-03'], rowsWritten: 4, filesAdded: 3, filesRemoved: 0 },
    ...{ rowsTotal: 4, filesTotal: 3, filesArchived: 0, differences: null, vacuumed: null },
  })
  expect(await at.differences()).toEqual([])
  expect(await at.marks()).toEqual([])
  const files = await at.files()

  const again = await at.replicate()
  expect(again).toMatchObject({ version: 0, committed: false, reason: null, months: [], rowsTotal: 4 })
  await at.sync()
  expect(await at.replicate()).toMatchObject({ version: 0, committed: false })
  expect(await at.versions()).toBe(1)
  expect(await at.files()).toEqual(files)
  expect(
    await at.target.query(
      `select version, reason, months, rows_total, committed_at is not null as known from etl_lake_versions`,
    ),
  ).toEqual([
    {
      ...{ version: '0', reason: 'first version', months: ['2026-01', '2026-02', '2026-03'] },
      ...{ rows_total: '4', known: true },
    },
  ])
})

it('every statement that changes rows marks their months, and those alone are written', async () => {
  await using at = await openLake()
  await at.replicate()
  const steps: [string, () => Promise<unknown>, readonly string[]][] = [
    [
      'an update by a run',
      async () => {
        await at.source.query(
          `update conversations set status = 1, updated_at = clock_timestamp() at time zone 'UTC' where id = 3`,
        )
        await at.sync()
      },
      ['2026-02'],
    ],
    [
      'an insert by a run',
      async () => {
        await insertConversation(at.source, { created_at: '2026-04-01', updated_at: new Date() })
        await at.sync()
      },
      ['2026-04'],
    ],
    [
      'a date that moves',
      async () => {
        await at.source.query(
          `update conversations set created_at = '2026-05-09', updated_at = clock_timestamp() at time zone 'UTC' where id = 5`,
        )
        await at.sync()
      },
      ['2026-04', '2026-05'],
    ],
    [
      'a soft delete by a full load',
      async () => {
        await at.source.query('delete from conversations where id = 4')
        await at.sync({ loadType: 'full', maxDeleteShare: 1 })
      },
      ['2026-03'],
    ],
    [
      'a repair',
      async () => {
        await at.target.query(`alter table conversas_analytics disable trigger user`)
        await at.target.query(`update conversas_analytics set contact_name = 'x' where conversation_id = 1`)
        await at.target.query(`alter table conversas_analytics enable trigger user`)
        await verifyConversations({ source: at.source.url, target: at.target.url, repair: true })
      },
      ['2026-01'],
    ],
    [
      'a delete by hand',
      () => at.target.query('delete from conversas_analytics where conversation_id = 5'),
      ['2026-05'],
    ],
    [
      'a time that is lost',
      () =>
        at.target.query(
          'update conversas_analytics set conversation_created_at = null where conversation_id = 2',
        ),
      ['0000-00', '2026-01'],
    ],
    [
      'a time that no path can name',
      () =>
        at.target.query(
          `update conversas_analytics set conversation_created_at = '0044-03-15 BC' where conversation_id = 2`,
        ),
      ['0000-00'],
    ],
    ['everything is gone', () => at.target.query('truncate conversas_analytics'), ['all']],
  ]
  for (const [what, change, months] of steps) {
    await change()
    expect(await at.marks(), what).toEqual(months)
    const report = await at.replicate()
    if (!months.includes('all')) expect(report.months, what).toEqual(months)
    expect(await at.differences(), what).toEqual([])
    expect(await at.marks(), what).toEqual([])
    expect((await at.replicate({ check: true })).differences, what).toEqual([])
  }
  expect(await tableOfLake(at.to)).toMatchObject({ version: steps.length, files: new Map() })
})

it('without a lake a run writes no mark and meets no trigger, and with one it writes as fast a way as before', async () => {
  await using at = await openLake()
  const triggers = () =>
    at.target.query(`select 1 from pg_trigger where tgrelid = 'conversas_analytics'::regclass`)
  expect(await triggers()).toEqual([])
  await at.replicate()
  expect(await triggers()).toHaveLength(4)
  await using target = await openSession('target', at.target.url, connection)
  const { writing } = await describeTarget(target, 'conversas_analytics')
  expect(writing.hasTriggers).toBe(false)
  expect(await unregisterLake({ target: at.target.url, to: at.to })).toBe(true)
  expect(await unregisterLake({ target: at.target.url, to: at.to })).toBe(false)
  expect(await triggers()).toEqual([])
  await at.target.query(`update conversas_analytics set contact_name = 'x'`)
  expect(await at.marks()).toEqual([])
  expect(await at.files()).toHaveLength(3)
})

it('a lake that is registered while rows are being written misses none of them', async () => {
  await using at = await openLake()
  await using writer = await connected(at.target.url)
  await writer.client.query('begin')
  await writer.client.query(`update conversas_analytics set contact_name = 'early' where conversation_id = 1`)

  const first = at.replicate()
  await expect.poll(() => at.target.query(waitingLocks)).toHaveLength(1)
  await writer.client.query(`update conversas_analytics set contact_name = 'late' where conversation_id = 4`)
  await writer.client.query('commit')
  await first

  expect(await at.differences()).toEqual([])
  expect(await at.marks()).toEqual([])
})

it('a lake is not registered while a run is in progress', async () => {
  await using at = await openLake()
  let refused: unknown
  await at.sync({
    onStart: () => {
      refused = at.replicate().catch((error: unknown) => error)
    },
    onProgress: () => undefined,
    loadType: 'full',
  })
  const error = await refused
  // The run may have ended before.
  if (error instanceof Error) expect(error).toMatchObject({ code: 'LOCKED' })
  await at.replicate()
  expect(await at.differences()).toEqual([])
})

it('rows that change while a version is written are in the next one', async () => {
  await using at = await openLake()
  await at.replicate()
  await at.target.query(
    `update conversas_analytics set contact_name = 'first' where conversation_id in (1, 3)`,
  )
  await using writer = await connected(at.target.url)
  let changes = 0
  const report = await at.replicate({
    onProgress: () => {
      changes += 1
      // Not awaited by the call, and done before its commit waits for the server.
      void writer.client.query(
        `update conversas_analytics set contact_name = 'second ${changes}' where conversation_id = 3`,
      )
    },
  })
  await writer.client.query('select 1')
  expect(report).toMatchObject({ version: 1, months: ['2026-01', '2026-02'] })
  expect(changes).toBe(2)
  expect(await at.marks()).toEqual(['2026-02'])
  expect(await at.replicate()).toMatchObject({ version: 2, months: ['2026-02'] })
  expect(await at.differences()).toEqual([])
})

it('of two writers at once one commits, and the other says so', async () => {
  await using at = await openLake()
  await at.replicate()
  await at.target.query(`update conversas_analytics set contact_name = 'x'`)
  const results = await Promise.allSettled([at.replicate(), at.replicate(), at.replicate()])
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []))
  expect(new Set(failures)).toEqual(new Set(failures.length > 0 ? ['LOCKED'] : []))
  expect(await at.versions()).toBe(2)
  expect(await at.differences()).toEqual([])

  await at.target.query(`update conversas_analytics set contact_name = 'y' where conversation_id = 4`)
  const taken = join(at.to, '_delta_log', '00000000000000000002.json')
  const before = await at.files()
  const late = at.replicate({
    onProgress: () => writeFileSync(taken, '{"commitInfo":{"timestamp":0,"operation":"OPTIMIZE"}}\n'),
  })
  await expect(late).rejects.toMatchObject({ code: 'LAKE_CONFLICT' })
  expect(await at.files()).toEqual(before)
  expect(await at.marks()).toEqual(['2026-03'])
  expect(await at.replicate()).toMatchObject({ version: 3, months: ['2026-03'] })
  expect(await at.differences()).toEqual([])
})

it('of a version that ends while months are read and written no file is left', async () => {
  await using at = await openLake()
  let calls = 0
  const onProgress = () => {
    if (++calls === 3) throw new Error('enough')
  }
  await expect(at.replicate({ onProgress })).rejects.toMatchObject({ code: 'HOOK_FAILED' })
  expect(await at.files()).toEqual([])
  expect(await readdir(join(at.to, '.chatwoot-sync'))).toEqual([])
  expect(await at.replicate()).toMatchObject({ version: 0, filesAdded: 3 })
})

it('a lake of another database or program is left alone', async () => {
  await using at = await openLake()
  await at.replicate()
  await using other = await openLake()
  await expect(other.replicate({ to: at.to })).rejects.toMatchObject({ code: 'LAKE_TAKEN' })
  expect(await other.target.query('select 1 from etl_lakes')).toEqual([])
  expect(await other.target.query(`select 1 from pg_trigger where not tgisinternal`)).toEqual([])

  await other.target.query(`update conversas_analytics set contact_name = 'other'`)
  expect(await other.replicate({ to: at.to, sinceScratch: true })).toMatchObject({
    version: 1,
    filesAdded: 3,
  })
  expect(await other.differences(at.to)).toEqual([])
  await expect(at.replicate()).rejects.toMatchObject({ code: 'LAKE_TAKEN' })
  expect(await at.target.query('select error_code from etl_lakes')).toEqual([{ error_code: 'LAKE_TAKEN' }])
})

it('a lake that was lost, restored or not recorded is compared and made good', async () => {
  await using at = await openLake()
  await at.replicate()
  await at.target.query('update etl_lakes set version = null')
  expect(await at.replicate()).toMatchObject({ version: 0, committed: false })
  await at.target.query(`update conversas_analytics set contact_name = 'x' where conversation_id = 3`)
  await at.target.query('delete from etl_lake_months; update etl_lakes set version = 7')
  expect(await at.replicate()).toMatchObject({ version: 1, months: ['2026-02'] })
  expect(await at.differences()).toEqual([])

  await rm(at.to, { recursive: true })
  expect(await at.replicate()).toMatchObject({ version: 0, reason: 'first version', filesAdded: 3 })
  expect(await at.differences()).toEqual([])
})

async function connected(url: string) {
  const client = new pg.Client(url)
  await client.connect()
  return { client, [Symbol.asyncDispose]: () => client.end() }
}
