import { expect, it } from 'vitest'

import type { SyncOptions } from '../../lib/options.js'
import { openEmptySync, readTexts, type SyncFixture } from '../fixtures/sync-fixture.js'

const relation = { name: 'items', key: 'id', changedAt: 'updated_at' }
const own = { relation, table: 'items', skewAllowance: 0 } satisfies Partial<SyncOptions>

/** A thousand items on both sides, which the target holds to a rule. */
async function openItems(): Promise<SyncFixture> {
  const at = await openEmptySync()
  const columns =
    'id integer primary key, payload text not null, details jsonb, updated_at timestamp not null'
  await at.source.query(`create table items (${columns})`)
  await at.source.query(
    `insert into items
     select id, 'first', jsonb_build_object('list', array(select md5(id::text || i) from generate_series(1, 200) i)), now() at time zone 'UTC' - interval '1 day'
     from generate_series(1, 1000) id`,
  )
  await at.target.query(`create table items (${columns}, check (payload <> 'rejected'))`)
  expect(await at.sync(own)).toMatchObject({ loadType: 'full', rowsInserted: 1000 })
  return at
}

const changed = (payload: string, where: string) =>
  `update items set payload = ${payload}, updated_at = clock_timestamp() at time zone 'UTC' where ${where}`

async function unequal({ source, target }: SyncFixture): Promise<(string | null | undefined)[]> {
  const text = 'select id, payload, details, updated_at from items order by id'
  const [here, there] = await Promise.all([readTexts(source, text), readTexts(target, text)])
  const rows = new Set(there.map((row) => row.join('|')))
  return here.filter((row) => !rows.has(row.join('|'))).map(([id]) => id)
}

it.each([
  { batchSize: 1000 },
  { batchSize: 100 },
  { batchSize: 65 },
  { batchSize: 7 },
  { batchBytes: 10_000 },
] as const)('an increment of several parts and batches arrives whole (%j)', async (limits) => {
  await using at = await openItems()
  await at.source.query(changed(`'second ' || id`, 'id % 3 = 0'))
  await at.source.query(
    'insert into items select id, $$new$$, null, clock_timestamp() at time zone $$UTC$$ from generate_series(2001, 2150) id',
  )

  const report = await at.sync({ ...own, ...limits })

  expect(report).toMatchObject({
    loadType: 'incremental',
    rowsExtracted: 483,
    rowsUpdated: 333,
    rowsInserted: 150,
  })
  expect(await unequal(at)).toEqual([])
})

it.each([{ batchSize: 1000 }, { batchSize: 100 }] as const)(
  'rows that the target rejects are left out of a batch whose parts it has taken already (%j)',
  async (limits) => {
    await using at = await openItems()
    await at.source.query(
      changed(`case when id in (10, 430, 431, 995) then 'rejected' else 'second' end`, 'id % 5 <> 4'),
    )

    const report = await at.sync({ ...own, ...limits })

    expect(report).toMatchObject({
      loadType: 'incremental',
      rowsExtracted: 800,
      rowsUpdated: 796,
      rowsRejected: 4,
    })
    expect(await unequal(at)).toEqual(['10', '430', '431', '995'])
    await at.source.query(`update items set payload = 'third' where payload = 'rejected'`)
    expect(await at.sync(own)).toMatchObject({ rowsExtracted: 4, rowsUpdated: 4, rowsRejected: 0 })
    expect(await unequal(at)).toEqual([])
  },
)

it('a value that no type of the target can hold is rejected, and the parts before and after it arrive', async () => {
  await using at = await openItems()
  await at.target.query('alter table items alter column payload type varchar(20)')
  await at.source.query(changed(`case id when 500 then repeat('x', 30) else 'second' end`, 'true'))

  expect(await at.sync(own)).toMatchObject({ rowsExtracted: 1000, rowsUpdated: 999, rowsRejected: 1 })
  expect(await unequal(at)).toEqual(['500'])
})

it('an update writes a large value again only where it changed', async () => {
  await using at = await openItems()
  const sizeOf = async () => {
    const [[size] = []] = await readTexts(
      at.target,
      `select pg_relation_size(reltoastrelid) from pg_class where oid = 'items'::regclass`,
    )
    return Number(size)
  }
  const before = await sizeOf()
  await at.source.query(changed(`'second'`, 'true'))
  expect(await at.sync(own)).toMatchObject({ rowsUpdated: 1000 })
  expect(await sizeOf()).toBe(before)
  expect(await unequal(at)).toEqual([])

  // Equal to PostgreSQL, and other bytes.
  await at.source.query(
    `update items set details = jsonb_set(details, '{number}', '1.0'), updated_at = clock_timestamp() at time zone 'UTC'`,
  )
  await at.sync(own)
  await at.source.query(
    `update items set details = jsonb_set(details, '{number}', '1.00'), updated_at = clock_timestamp() at time zone 'UTC'`,
  )
  expect(await at.sync(own)).toMatchObject({ rowsUpdated: 1000 })
  expect(await unequal(at)).toEqual([])
})
