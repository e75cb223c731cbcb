import { rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, it } from 'vitest'

import { forgetContact } from '../../lib/index.js'
import { openLake, tableOfLake } from '../fixtures/lake-fixture.js'
import { insert, insertConversation, openSmallSync } from '../fixtures/sync-fixture.js'
import { cloneDatabase, monthsTemplate } from '../setup/database.js'

const stamps = { created_at: '2026-01-01', updated_at: '2026-01-01' }

it('a check finds what nothing has marked and files that are gone, and a repair writes them', async () => {
  await using at = await openLake()
  expect(await at.replicate({ check: true })).toMatchObject({ version: null, equalAt: null })
  expect(await at.target.query('select 1 from etl_lakes')).toEqual([])
  await at.replicate()
  await at.target.query(`
    set session_replication_role = replica;
    delete from conversas_analytics where conversation_id = 1;
    update conversas_analytics set contact_name = 'x' where conversation_id = 3;
    set session_replication_role = origin;
    update conversas_analytics set contact_name = 'y' where conversation_id = 4`)
  expect(await at.replicate({ check: true })).toMatchObject({
    equalAt: null,
    differences: [
      { month: '2026-01', rowsInTable: 1, rowsInLake: 2, kind: 'unmarked' },
      { month: '2026-02', rowsInTable: 1, rowsInLake: 1, kind: 'unmarked' },
      { month: '2026-03', rowsInTable: 1, rowsInLake: 1, kind: 'pending' },
    ],
  })
  expect(await at.replicate({ repair: true })).toMatchObject({ months: ['2026-01', '2026-02', '2026-03'] })
  expect(await at.differences()).toEqual([])

  const [gone = ''] = [...(await tableOfLake(at.to)).files.keys()]
  await rm(join(at.to, gone))
  expect(await at.replicate({ check: true })).toMatchObject({ differences: [{ kind: 'file-missing' }] })
  expect(await at.replicate({ repair: true })).toMatchObject({ filesAdded: 1, filesRemoved: 1 })
  expect(await at.replicate({ check: true })).toMatchObject({ differences: [] })
})

it('a table that was replaced gets its triggers again, and every month is compared', async () => {
  await using at = await openLake()
  await at.replicate()
  await at.target.query(`
    alter table conversas_analytics rename to earlier;
    create table conversas_analytics (like earlier including all);
    insert into conversas_analytics select * from earlier where conversation_id <> 4`)
  expect(await at.replicate()).toMatchObject({ months: ['2026-01', '2026-02', '2026-03'] })
  expect(await at.differences()).toEqual([])
  await at.target.query(`update conversas_analytics set contact_name = 'x' where conversation_id = 1`)
  expect(await at.marks()).toEqual(['2026-01'])
})

it('a new column appears, and only months with values in it are written anew', async () => {
  await using at = await openLake()
  await at.replicate()
  await at.target.query(
    `alter table conversas_analytics add column extra numeric(10, 2), add column fixed text default 'none'`,
  )
  await at.target.query('alter table conversas_analytics alter column fixed drop default')
  const grown = await at.replicate()
  expect(grown).toMatchObject({ version: 1, reason: 'new columns: extra, fixed', filesAdded: 3 })
  await at.target.query('alter table conversas_analytics add column late integer')
  await at.target.query('update conversas_analytics set late = 5 where conversation_id = 3')
  expect(await at.replicate()).toMatchObject({ version: 2, months: ['2026-02'] })
  expect(await at.differences()).toEqual([])
})

it('a type that changes needs a rebuild, and so do other columns', async () => {
  await using at = await openLake()
  await at.replicate({ without: ['message_compiled'] })
  expect(await at.replicate()).toMatchObject({ committed: false })
  await expect(at.replicate({ without: ['contact_name'] })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  await at.target.query('alter table conversas_analytics add column n integer')
  await at.replicate()
  await at.target.query('alter table conversas_analytics alter column n type bigint')
  await expect(at.replicate()).rejects.toMatchObject({ code: 'LAKE_TYPE_CHANGED' })
  const { metadata } = await tableOfLake(at.to)
  expect(await at.replicate({ rebuild: true, without: [] })).toMatchObject({
    reason: 'rebuilt',
    filesAdded: 3,
  })
  const rebuilt = await tableOfLake(at.to)
  expect(rebuilt.metadata.id).toBe(metadata.id)
  expect(rebuilt.metadata.schemaString).toContain('message_compiled')
  expect(await at.differences()).toEqual([])
  expect(await at.replicate()).toMatchObject({ committed: false })
})

it('the newest months are written day by day, and a change of one day writes that day', async () => {
  await using at = await openLake()
  const days = await at.target.query<{ month: string }>(`
    update conversas_analytics
    set conversation_created_at = date_trunc('month', now() at time zone 'UTC') + conversation_id * interval '1 day'
    returning to_char(conversation_created_at, 'YYYY-MM') as month`)
  expect(days).toHaveLength(4)
  const month = days[0]?.month
  expect(await at.replicate({ dailyFrom: 1 })).toMatchObject({ filesAdded: 4, months: [month] })
  await at.target.query(`update conversas_analytics set contact_name = 'x' where conversation_id = 2`)
  expect(await at.replicate({ dailyFrom: 1 })).toMatchObject({
    filesAdded: 1,
    filesRemoved: 1,
    rowsWritten: 1,
  })
  expect(await at.differences()).toEqual([])
  await at.target.query(`update conversas_analytics set contact_name = 'y' where conversation_id = 2`)
  expect(await at.replicate()).toMatchObject({ filesAdded: 1, filesRemoved: 4, rowsWritten: 4 })
  expect(await at.differences()).toEqual([])
})

it('rows of a contact that was forgotten are in no file afterwards', async () => {
  await using at = await openLake()
  await insert(at.source, 'contacts', { id: 2, name: 'Bia', account_id: 1, ...stamps })
  await insertConversation(at.source, { contact_id: 2, created_at: '2026-02-03', updated_at: new Date() })
  await at.sync()
  await at.replicate()
  const { target } = { target: at.target.url }
  expect(await forgetContact({ target, contactId: 2, dryRun: true })).toMatchObject({
    lakes: [{ lake: at.to, version: null, error: null }],
  })
  expect(await forgetContact({ target, contactId: 2 })).toMatchObject({
    rowsOwn: 1,
    lakes: [{ lake: at.to, version: 1, filesRemoved: 1, error: null }],
  })
  expect(await at.differences()).toEqual([])
  const { files } = await tableOfLake(at.to)
  expect(await at.files()).toEqual([...files.keys()].sort())

  await rm(at.to, { recursive: true })
  await writeFile(at.to, 'no folder')
  expect(await forgetContact({ target, contactId: 1 })).toMatchObject({
    rowsOwn: 4,
    lakes: [{ lake: at.to, version: null, error: expect.stringContaining(at.to) }],
  })
})

it('a vacuum removes what no version has needed for so long', async () => {
  await using at = await openLake()
  await at.replicate()
  await at.target.query(`update conversas_analytics set contact_name = 'x' where conversation_id = 3`)
  expect(await at.replicate({ vacuum: 86_400_000 })).toMatchObject({ vacuumed: { files: 0 } })
  expect(await at.files()).toHaveLength(4)
  expect(await at.replicate({ vacuum: 0 })).toMatchObject({ committed: false, vacuumed: { files: 1 } })
  expect(await at.files()).toHaveLength(3)
  expect(await at.differences()).toEqual([])
})

it('a vacuum of everything removes what a clock ahead of ours has dated, too', async () => {
  await using at = await openLake()
  await at.replicate()
  const orphan = join(at.to, 'month=2026-01', 'orphan.parquet')
  await writeFile(orphan, 'of a killed process')
  await utimes(orphan, new Date(), new Date(Date.now() + 3_600_000))
  expect(await at.replicate({ vacuum: 3_600_000 })).toMatchObject({ vacuumed: { files: 0 } })
  expect(await at.replicate({ vacuum: 0 })).toMatchObject({ vacuumed: { files: 1 } })
})

it('a table that is partitioned by month is copied, whichever partition rows move to', async () => {
  const pair = await openSmallSync()
  await using months = await cloneDatabase('target', await monthsTemplate())
  const target = pair.target
  const mixed = {
    ...pair,
    target: months,
    sync: (options = {}) => pair.sync({ target: months.url, ...options }),
  }
  await using at = await openLake({ ...mixed, [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose]() })
  expect(target.url).not.toBe(months.url)
  await at.replicate()
  expect(await at.differences()).toEqual([])
  await at.source.query(
    `update conversations set created_at = '2026-02-11', updated_at = clock_timestamp() at time zone 'UTC' where id = 1`,
  )
  await at.sync()
  expect(await at.marks()).toEqual(['2026-01', '2026-02'])
  await insertConversation(at.source, { created_at: '2026-10-01', updated_at: new Date() })
  await at.sync({ loadType: 'full', parallel: 2 })
  expect(await at.replicate()).toMatchObject({ months: ['2026-01', '2026-02', '2026-10'] })
  expect(await at.differences()).toEqual([])
})

it('many versions stay readable, with a checkpoint now and then', async () => {
  await using at = await openLake()
  await at.replicate()
  for (let version = 1; version <= 22; version += 1) {
    await at.target.query(`update conversas_analytics set contact_name = $1 where conversation_id = 4`, [
      `name ${version}`,
    ])
    expect(await at.replicate()).toMatchObject({ version, months: ['2026-03'] })
  }
  expect(await tableOfLake(at.to)).toMatchObject({
    version: 22,
    checkpoint: expect.toSatisfy((at) => at > 0),
  })
  expect(await at.differences()).toEqual([])
  expect(await at.replicate({ check: true })).toMatchObject({ differences: [] })
  expect(await at.replicate({ vacuum: 0 })).toMatchObject({ committed: false, vacuumed: { files: 22 } })
  expect(await at.differences()).toEqual([])
})
