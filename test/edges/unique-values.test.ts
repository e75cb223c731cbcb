import { randomBytes } from 'node:crypto'

import { expect, it } from 'vitest'

import { openItems, type RelationFixture } from '../fixtures/relation-fixture.js'
import { withKysely } from '../fixtures/rejects-fixture.js'

const now = 'changed_at = clock_timestamp()'
const equal = { rowsMissing: 0, rowsStale: 0, rowsExtra: 0, rowsRejected: 0 }

/** Rows 1 to 10, each at the place of its number. */
async function openPlaces(to = 'place integer unique'): Promise<RelationFixture> {
  const at = await openItems(
    'id integer primary key, place integer unique deferrable, v text',
    `id integer primary key, ${to}, v text`,
  )
  await at.source.query(`insert into items select n, n, 'a' from generate_series(1, 10) n`)
  await at.run()
  return at
}

const places = ['place integer unique', 'place integer not null unique check (place > 0)']
const ways = [
  { skewAllowance: 0 },
  { skewAllowance: 0, batchSize: 1 },
  { loadType: 'full' },
  { loadType: 'full', batchSize: 1 },
] as const

it.each(places.flatMap((to) => ways.map((way) => [to, way] as const)))(
  'loads rows that swap a unique value: %s, %j',
  async (to, way) => {
    await using at = await openPlaces(to)
    await at.source.query(`update items set place = 7 - place, ${now} where id in (3, 4)`)

    const report = await at.run(way)

    expect(report).toMatchObject({ rowsUpdated: 2, rowsInserted: 0, rowsRejected: 0, warnings: [] })
    expect(await at.stored('id, place', 'id in (3, 4)')).toEqual(['3 4', '4 3'])
    expect(await at.rejects()).toEqual([])
    expect(await at.verify()).toMatchObject(equal)
  },
)

it.each(ways)('loads a rotation of all rows with a new one among them (%j)', async (way) => {
  await using at = await openPlaces()
  await at.source.query(`
    begin;
    set constraints all deferred;
    update items set place = place % 10 + 1, ${now} where id <> 10;
    update items set place = 11, ${now} where id = 10;
    insert into items values (11, 1, 'b');
    commit`)

  expect(await at.run(way)).toMatchObject({ rowsUpdated: 10, rowsInserted: 1, rowsRejected: 0 })

  expect(await at.rejects()).toEqual([])
  expect(await at.verify()).toMatchObject(equal)
})

it("loads a swap through a caller's Kysely, and by a transform", async () => {
  await using at = await openPlaces()
  await at.source.query(`update items set place = 7 - place, ${now} where id in (3, 4)`)
  await withKysely(at.target.url, (target) => at.run({ target, skewAllowance: 0, batchSize: 1 }))
  expect(await at.stored('id, place', 'id in (3, 4)')).toEqual(['3 4', '4 3'])
  await at.source.query(`update items set place = 7 - place, ${now} where id in (3, 4)`)
  await at.run({ skewAllowance: 0, batchSize: 1, transform: (row) => row })
  expect(await at.stored('id, place', 'id in (3, 4)')).toEqual(['3 3', '4 4'])
})

it('repairs a swap that no stamp shows', async () => {
  await using at = await openPlaces()
  await at.source.query('update items set place = 7 - place where id in (3, 4)')
  expect(await at.verify({ repair: true })).toMatchObject({ ...equal, rowsStale: 2, rowsRepaired: 2 })
  expect(await at.verify()).toMatchObject(equal)
})

it('rejects only what cannot be stored, and the rows that wait for it', async () => {
  await using at = await openPlaces()
  await at.source.query('alter table items drop constraint items_place_key')
  // 3 wants the place of 9, which stays; so 3 stays, and with it 4 waits; 5 and 6 swap.
  await at.source.query(`update items set place = 9, ${now} where id = 3`)
  await at.source.query(`update items set place = 3, v = 'b', ${now} where id = 4`)
  await at.source.query(`update items set place = 11 - place, ${now} where id in (5, 6)`)

  for (const way of [{ skewAllowance: 0 }, { loadType: 'full' }] as const) {
    expect(await at.run(way)).toMatchObject({ rowsRejected: 2, rowsDeleted: 0 })
    expect(await at.stored('id, place, v', 'id between 3 and 6')).toEqual([
      '3 3 a',
      '4 4 a',
      '5 6 a',
      '6 5 a',
    ])
    expect(await at.rejects()).toMatchObject([
      { row_key: '3', column_name: 'place', sql_state: '23505' },
      { row_key: '4', column_name: 'place', sql_state: '23505' },
    ])
  }
  const attempts = await at.target.query('select distinct attempts from etl_rejects')
  expect(attempts).toEqual([{ attempts: 2 }])
  // The remedy: the value of one of them.
  await at.source.query(`update items set place = 12, ${now} where id = 9`)
  expect(await at.run({ skewAllowance: 0 })).toMatchObject({ rowsRejected: 0, rowsUpdated: 3 })
  expect(await at.verify()).toMatchObject(equal)
})

it.each(ways)('gives a value that a soft-deleted row holds to the row that has it now (%j)', async (way) => {
  await using at = await openPlaces()
  await at.source.query('delete from items where id = 3')
  await at.source.query(`insert into items values (11, 3, 'new')`)

  const report = await at.run(way)

  expect(report).toMatchObject({ rowsInserted: 1, rowsDeleted: 1, rowsRejected: 0 })
  expect(report.warnings).toMatchObject([{ code: 'VALUES_RELEASED' }])
  expect(report.warnings[0]?.message).toContain('NULL in 1 of them')
  expect(await at.stored('id, place, v', 'id in (3, 11)')).toEqual(['11 3 new', '3 null a'])
  expect(await at.rejects()).toEqual([])
  expect(await at.verify()).toMatchObject(equal)
  // Should it come back, it comes whole.
  await at.source.query(`insert into items values (3, 12, 'back')`)
  await at.run({ skewAllowance: 0 })
  expect(await at.verify()).toMatchObject(equal)
})

it('removes a soft-deleted row whose value cannot be NULL, and says so', async () => {
  await using at = await openPlaces('place integer not null unique')
  await at.source.query('delete from items where id = 3')
  await at.source.query(`insert into items values (11, 3, 'new')`)
  const report = await at.run({ loadType: 'full' })
  expect(report).toMatchObject({ rowsInserted: 1, rowsDeleted: 1, rowsRejected: 0 })
  expect(report.warnings[0]?.message).toContain('1 were removed')
  expect(await at.stored('id, place', 'id in (3, 11)')).toEqual(['11 3'])
})

it('follows what the indexes say: expressions, parts of a table, several columns, exclusion', async () => {
  await using at = await openItems(
    'id integer primary key, mail text, account integer, number integer, during int4range',
    `id integer primary key, mail text, account integer not null, number integer, during int4range,
     exclude using gist (during with &&)`,
  )
  await at.target.query(`
    create unique index on items (lower(mail)) where account > 0;
    create unique index on items (account, number)`)
  await at.source.query(
    `insert into items select n, 'M' || n, 1, n, int4range(n * 10, n * 10 + 10) from generate_series(1, 6) n`,
  )
  await at.run()
  await at.source.query(`update items set mail = 'm' || (3 - id), ${now} where id in (1, 2)`)
  await at.source.query(`update items set number = 7 - id, ${now} where id in (3, 4)`)
  await at.source.query(
    `update items set during = int4range((11 - id) * 10, (11 - id) * 10 + 10), ${now} where id in (5, 6)`,
  )

  expect(await at.run({ skewAllowance: 0 })).toMatchObject({ rowsUpdated: 6, rowsRejected: 0 })

  expect(await at.verify()).toMatchObject(equal)
})

it('loads a swap beside a row that the target cannot hold', async () => {
  await using at = await openItems(
    'id integer primary key, place integer, v text',
    'id integer primary key, place integer unique, v varchar(3)',
  )
  await at.source.query(`insert into items select n, n, 'a' from generate_series(1, 20) n`)
  await at.run()
  await at.source.query(`update items set place = 21 - place, ${now}`)
  await at.source.query(`update items set v = 'too long' where id = 7`)

  // Row 14 wants the place that row 7 keeps.
  expect(await at.run({ skewAllowance: 0 })).toMatchObject({ rowsUpdated: 18, rowsRejected: 2 })

  expect(await at.rejects()).toMatchObject([
    { row_key: '14', sql_state: '23505' },
    { row_key: '7', sql_state: '22001' },
  ])
  await at.source.query(`update items set v = 'b' where id = 7`)
  expect(await at.run({ skewAllowance: 0 })).toMatchObject({ rowsUpdated: 2, rowsRejected: 0 })
  expect(await at.verify()).toMatchObject(equal)
})

it('loads a renumbering of more rows than a run may reject', async () => {
  await using at = await openItems(
    'id integer primary key, place integer',
    'id integer primary key, place integer unique',
  )
  await at.source.query('insert into items select n, n from generate_series(1, 3000) n')
  await at.run()
  await at.source.query(`update items set place = place + 1, ${now}`)
  for (const way of [
    { batchSize: 1000, skewAllowance: 0 },
    { batchSize: 1000, loadType: 'full' },
  ] as const) {
    await at.source.query(`update items set place = place + 1, ${now}`)
    expect(await at.run(way)).toMatchObject({ rowsUpdated: 3000, rowsRejected: 0, warnings: [] })
  }
  expect(await at.verify()).toMatchObject(equal)
})

it.each(ways)('leaves a rejected row as it was, under the spelling that its key had (%j)', async (way) => {
  await using at = await openItems(
    'id text primary key, place integer',
    'id citext primary key, place integer unique',
    { before: 'create extension citext' },
  )
  await at.source.query(`insert into items values ('k1', 1), ('k2', 2), ('k3', 3)`)
  await at.run()
  // K1 wants the place of k2, which stays; k3 wants the one that k1 therefore keeps.
  await at.source.query(`
    update items set id = 'K1', place = 2, ${now} where id = 'k1';
    update items set place = 1, ${now} where id = 'k3'`)

  expect(await at.run(way)).toMatchObject({ rowsRejected: 2, rowsDeleted: 0, rowsUpdated: 0 })

  expect(await at.stored('id, place')).toEqual(['k1 1', 'k2 2', 'k3 3'])
  await at.source.query(`update items set place = 4, ${now} where id = 'k2'`)
  expect(await at.run(way)).toMatchObject({ rowsRejected: 0, rowsDeleted: 0, rowsUpdated: 3 })
  expect(await at.stored('id, place')).toEqual(['K1 2', 'k2 4', 'k3 1'])
})

it('removes no soft-deleted row without the right to, and says which value is in the way', async () => {
  await using at = await openPlaces('place integer not null unique')
  const role = `writer_${randomBytes(4).toString('hex')}`
  await at.target.query(`
    create role ${role} login password 'writer';
    grant all on all tables in schema public to ${role};
    revoke delete on items from ${role};
    grant temporary on database ${at.target.name} to ${role}`)
  const target = Object.assign(new URL(at.target.url), { username: role, password: 'writer' }).href
  try {
    await at.source.query('delete from items where id = 3')
    await at.source.query(`insert into items values (11, 3, 'new')`)
    expect(await at.run({ target, loadType: 'full' })).toMatchObject({ rowsDeleted: 1, rowsRejected: 1 })
    expect(await at.rejects()).toMatchObject([
      { row_key: '11', column_name: 'place', message: expect.stringContaining('items_place_key') },
    ])
    await at.target.query(`grant delete on items to ${role}`)
    expect(await at.run({ target, skewAllowance: 0 })).toMatchObject({ rowsInserted: 1, rowsRejected: 0 })
    expect(await at.verify()).toMatchObject(equal)
  } finally {
    await at.target.query(`drop owned by ${role}; drop role ${role}`)
  }
})
