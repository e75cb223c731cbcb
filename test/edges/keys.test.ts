import { expect, it } from 'vitest'

import { openItems } from '../fixtures/relation-fixture.js'

const citext = 'create extension citext'
const collation = `create collation no_case (provider = icu, locale = 'und-u-ks-level1', deterministic = false)`
const equal = { rowsMissing: 0, rowsStale: 0, rowsExtra: 0 }
const now = 'changed_at = clock_timestamp()'

const loads = [{ loadType: 'full' }, { skewAllowance: 0 }, { loadType: 'full', batchSize: 1 }] as const

it.each(loads)('gives a citext key the spelling that it has in the source now (%j)', async (options) => {
  await using at = await openItems('id citext primary key, v text', undefined, { before: citext })
  await at.source.query(`insert into items select 'k' || n, 'a' from generate_series(1, 12) n`)
  await at.run()
  await at.source.query(`update items set id = 'K7', v = 'b', ${now} where id = 'k7'`)

  const report = await at.run(options)

  expect(report).toMatchObject({ rowsUpdated: 1, rowsInserted: 0, rowsRejected: 0, rowsDeleted: 0 })
  expect(report.warnings).toEqual([])
  expect(await at.stored('id, v', `id = 'k7' and deleted_at is null`)).toEqual(['K7 b'])
  expect(await at.rejects()).toEqual([])
  expect(await at.verify({ repair: true })).toMatchObject({ ...equal, rowsRepaired: 0 })
  expect(await at.run({ loadType: 'full' })).toMatchObject({ rowsUnchanged: 12, rowsDeleted: 0 })
})

it('calls a key of another spelling stale, and repairs it without a delete', async () => {
  await using at = await openItems('id citext primary key, v text', undefined, { before: citext })
  await at.source.query(`insert into items select 'k' || n, 'a' from generate_series(1, 12) n`)
  await at.run()
  await at.source.query(`update items set id = 'K7' where id = 'k7'`)

  const found = await at.verify({ repair: true })

  expect(found).toMatchObject({
    rowsMissing: 0,
    rowsStale: 1,
    rowsExtra: 0,
    rowsRepaired: 1,
    rowsRejected: 0,
  })
  expect(found).toMatchObject({ differingColumns: { id: 1 }, differingKeys: ['K7'] })
  expect(await at.stored('id', `id = 'k7' and deleted_at is null`)).toEqual(['K7'])
  expect(await at.verify()).toMatchObject(equal)
  expect(await at.verify({ sample: 0.01 })).toMatchObject({ ...equal, rowsCompared: 12 })
})

it.each([{}, { batchSize: 1 }, { extractor: 'cursor' }] as const)(
  'rejects keys that differ in the source and not in the target, and names the collation (%j)',
  async (options) => {
    await using at = await openItems(
      'id text primary key, v text',
      'id text collate no_case primary key, v text',
      {
        before: collation,
      },
    )
    await at.source.query(
      `insert into items (id, v) values ('Ana', '1'), ('ana', '2'), ('José', '3'), ('jose', '4')`,
    )

    const first = await at.run(options)
    expect(first).toMatchObject({ rowsExtracted: 4, rowsInserted: 2, rowsRejected: 2 })
    const stored = await at.stored('id, v')
    expect(stored).toHaveLength(2)
    const rejects = await at.rejects()
    expect(
      [...stored.map((row) => row.split(' ')[0]), ...rejects.map(({ row_key: key }) => key)].sort(),
    ).toEqual(['Ana', 'ana', 'José', 'jose'].sort())
    expect(rejects[0]).toMatchObject({ sql_state: '23505', column_name: 'id' })
    expect(rejects[0]?.message).toContain('public.no_case')

    // Each later run finds the same.
    await at.source.query(`update items set ${now}`)
    expect(await at.run({ ...options, skewAllowance: 0 })).toMatchObject({ rowsUpdated: 2, rowsRejected: 2 })
    expect(await at.run({ ...options, loadType: 'full' })).toMatchObject({
      ...{ rowsUnchanged: 2, rowsRejected: 2, rowsDeleted: 0 },
    })
    expect(await at.verify({ repair: true })).toMatchObject({ ...equal, rowsRejected: 2, rowsRepaired: 0 })
    expect(await at.stored('id, v')).toEqual(stored)
    expect(await at.rejects()).toMatchObject(rejects)

    // Once the other one is gone, the row takes its place.
    const kept = stored.map((row) => `'${row.split(' ')[0] ?? ''}'`).join(', ')
    await at.source.query(`delete from items where id in (${kept})`)
    expect(await at.run({ ...options, loadType: 'full' })).toMatchObject({ rowsRejected: 0, rowsUpdated: 2 })
    expect((await at.stored('id')).sort()).toEqual(rejects.map(({ row_key: key }) => key).sort())
    expect(await at.verify()).toMatchObject(equal)
  },
)

it('deletes a row only by the very spelling of its key', async () => {
  await using at = await openItems('id citext primary key, v text', 'id citext primary key, v varchar(3)', {
    before: citext,
  })
  await at.source.query(`insert into items values ('k1', 'a'), ('k2', 'a')`)
  await at.run()
  await at.source.query(`update items set v = 'too long', ${now} where id = 'k1'`)
  expect(await at.run({ skewAllowance: 0 })).toMatchObject({ rowsRejected: 1 })
  // The next run tries k1 again, which the source no longer has.
  await at.source.query(`update items set id = 'K1', v = 'b', ${now} where id = 'k1'`)

  expect(await at.run({ skewAllowance: 0 })).toMatchObject({
    rowsUpdated: 1,
    rowsRejected: 0,
    rowsDeleted: 0,
  })

  expect(await at.stored('id, v')).toEqual(['K1 b', 'k2 a'])
})

it('deletes no row whose key is the beginning of a longer one', async () => {
  await using at = await openItems('id text primary key, v text', 'id varchar(4) primary key, v text')
  await at.source.query(`insert into items values ('abcd', 'a'), ('abcdef', 'b')`)
  expect(await at.run()).toMatchObject({ rowsInserted: 1, rowsRejected: 1 })
  await at.source.query(`delete from items where id = 'abcdef'`)

  expect(await at.run({ skewAllowance: 0 })).toMatchObject({ rowsRejected: 0, rowsDeleted: 0 })

  expect(await at.stored('id')).toEqual(['abcd'])
})

it('forgets a rejected key that no column of the target can hold, once it is gone', async () => {
  await using at = await openItems('id text primary key, v text', 'id integer primary key, v text')
  await at.source.query(`insert into items values ('1', 'a'), ('x', 'b')`)
  expect(await at.run()).toMatchObject({ rowsInserted: 1, rowsRejected: 1 })
  await at.source.query(`delete from items where id = 'x'`)

  expect(await at.run({ skewAllowance: 0 })).toMatchObject({ rowsRejected: 0, rowsDeleted: 0 })

  expect(await at.rejects()).toEqual([])
})

it('compares by the operator of the index, whatever the search path finds', async () => {
  await using at = await openItems('id shared.citext primary key, v text', undefined, {
    before: 'create schema shared; create extension citext schema shared',
  })
  await at.source.query(`insert into items select 'k' || n, 'a' from generate_series(1, 3) n`)
  await at.run()
  await at.source.query(`update items set id = 'K2', v = 'b', ${now} where id = 'k2'`)
  expect(await at.run({ skewAllowance: 0 })).toMatchObject({
    rowsUpdated: 1,
    rowsInserted: 0,
    rowsDeleted: 0,
  })
  expect(await at.verify({ repair: true })).toMatchObject({ ...equal, rowsRepaired: 0 })
  expect(await at.stored('id, v')).toEqual(['K2 b', 'k1 a', 'k3 a'])
})

it('knows a key that the target writes another way', async () => {
  await using at = await openItems('id text primary key, v text', 'id uuid primary key, v text')
  await at.source.query(
    `insert into items select upper(md5(n::text)::uuid::text), 'a' from generate_series(1, 5) n`,
  )
  await at.run()
  expect(await at.verify({ repair: true })).toMatchObject({ ...equal, rowsRepaired: 0, rowsCompared: 5 })
  await at.target.query(`update items set v = 'b' where id = md5('2')::uuid`)
  await at.target.query(`delete from items where id = md5('3')::uuid`)
  await at.source.query(`delete from items where id = upper(md5('4')::uuid::text)`)

  const found = await at.verify({ repair: true })

  expect(found).toMatchObject({ rowsMissing: 1, rowsStale: 1, rowsExtra: 1, rowsRepaired: 3 })
  expect(found.differingColumns).toEqual({ v: 1 })
  expect(await at.verify()).toMatchObject(equal)
})

it('takes numbers of another scale for one key, in the form that the source has', async () => {
  await using at = await openItems('id numeric primary key, v text')
  await at.source.query(`insert into items values (1, 'a'), (2.50, 'b')`)
  await at.run()
  await at.source.query(`update items set id = 1.0, v = 'c', ${now} where id = 1`)

  expect(await at.run({ skewAllowance: 0 })).toMatchObject({ rowsUpdated: 1, rowsInserted: 0 })

  expect(await at.stored('id, v')).toEqual(['1.0 c', '2.50 b'])
  expect(await at.verify()).toMatchObject(equal)
})
