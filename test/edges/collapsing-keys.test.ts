import { expect, it } from 'vitest'

import { openItems } from '../fixtures/relation-fixture.js'
import { withKysely } from '../fixtures/rejects-fixture.js'
import type { SyncOptions } from '../../lib/options.js'

const equal = { rowsMissing: 0, rowsStale: 0, rowsExtra: 0 }
const now = 'changed_at = clock_timestamp()'
const incremental = { skewAllowance: 0 }

/** The type of the target's key, two spellings of one value in it, of which the first is the target's own, and another value. */
const pairs = [
  ['integer', '1', '01', '2'],
  ['numeric', '1', '+1', '2'],
  [
    'uuid',
    'a0000000-0000-0000-0000-000000000001',
    'A0000000-0000-0000-0000-000000000001',
    'b0000000000000000000000000000001',
  ],
  ['timestamp', '2026-01-01 00:00:00', '2026-01-01', '2026-01-02T00:00'],
  ['inet', '10.0.0.1/32', '10.0.0.1', '10.0.0.2'],
  ['boolean', 'true', 'yes', 'f'],
] as const

it.each(pairs)(
  'never makes one row of two keys that are one %s, whichever comes first (%s, %s)',
  async (type, own, other, third) => {
    await using at = await openItems('id text primary key, v text', `id ${type} primary key, v text`)
    await at.source.query(`insert into items values ('${other}', 'other'), ('${third}', 'third')`)
    expect(await at.run()).toMatchObject({ rowsInserted: 2, rowsRejected: 0 })
    expect(await at.verify({ repair: true })).toMatchObject({ ...equal, rowsRepaired: 0 })

    await at.source.query(`insert into items values ('${own}', 'own')`)
    expect(await at.run(incremental)).toMatchObject({ rowsInserted: 0, rowsUpdated: 1, rowsRejected: 1 })
    const both = ['own', 'third']
    expect(await at.stored('v')).toEqual(both)
    const [reject] = await at.rejects()
    expect(reject).toMatchObject({ row_key: other, sql_state: '21000', column_name: 'id' })
    expect(await at.verify({ repair: true })).toMatchObject({ ...equal, rowsRejected: 1, rowsRepaired: 0 })

    await at.source.query(`update items set v = v || '!', ${now}`)
    const loads = [incremental, { loadType: 'full' }, incremental] as const
    for (const options of loads) {
      expect(await at.run(options)).toMatchObject({ rowsRejected: 1, rowsDeleted: 0 })
      expect(await at.stored('v')).toEqual(['own!', 'third!'])
      expect(await at.verify()).toMatchObject({ ...equal, rowsRejected: 1 })
    }

    await at.source.query(`delete from items where id = '${own}'`)
    expect(await at.run(incremental)).toMatchObject({ rowsRejected: 0, rowsUpdated: 1 })
    expect(await at.stored('v')).toEqual(['other!', 'third!'])
    expect(await at.rejects()).toEqual([])
    expect(await at.verify()).toMatchObject(equal)
  },
)

it('rejects one of two texts that are one numeric of other digits, and loads it once the other one is gone', async () => {
  await using at = await openItems('id text primary key, v text', 'id numeric primary key, v text')
  await at.source.query(`insert into items values ('+1', 'a')`)
  await at.run()
  await at.source.query(`insert into items values ('1.0', 'b')`)
  for (const options of [incremental, { loadType: 'full' }, incremental] as const) {
    expect(await at.run(options)).toMatchObject({ rowsInserted: 0, rowsRejected: 1, rowsDeleted: 0 })
    expect(await at.rejects()).toMatchObject([{ row_key: '+1' }])
    expect(await at.stored('id, v')).toEqual(['1.0 b'])
    expect(await at.verify()).toMatchObject({ ...equal, rowsRejected: 1 })
  }
  await at.source.query(`delete from items where id = '1.0'`)
  expect(await at.run(incremental)).toMatchObject({ rowsUpdated: 1, rowsRejected: 0, rowsDeleted: 0 })
  expect(await at.stored('id, v')).toEqual(['1 a'])
  expect(await at.rejects()).toEqual([])
  expect(await at.verify()).toMatchObject(equal)
})

const roads: readonly [string, Partial<SyncOptions>][] = [
  ['one batch', {}],
  ['batches of one row', { batchSize: 1 }],
  ['a transform', { transform: (row) => ({ ...row }) }],
]

it.each(roads)('loads the one and rejects the others in a first run, by %s', async (_road, options) => {
  await using at = await openItems('id text primary key, v text', 'id integer primary key, v text')
  await at.source.query(
    `insert into items values ('007', 'a'), ('07', 'b'), ('7', 'c'), ('08', 'd'), (' 8', 'e'), ('9', 'f'), ('x', 'g')`,
  )
  await withKysely(at.target.url, async (target) => {
    expect(await at.run(options)).toMatchObject({ rowsExtracted: 7, rowsInserted: 3, rowsRejected: 4 })
    expect(await at.stored('id, v')).toEqual(['7 c', '8 e', '9 f'])
    const written = () => at.target.query('select xmin::text, ctid::text from items order by id')
    const before = await written()
    expect(await at.run({ ...options, ...incremental, target })).toMatchObject({
      rowsUpdated: 0,
      rowsRejected: 4,
    })
    expect(await at.run({ ...options, loadType: 'full' })).toMatchObject({
      rowsUnchanged: 3,
      rowsRejected: 4,
    })
    // Rows that stay rejected cost no write.
    expect(await written()).toEqual(before)
  })
  expect((await at.rejects()).map(({ row_key: key, sql_state: state }) => `${key} ${state}`)).toEqual([
    '007 21000',
    '07 21000',
    '08 21000',
    'x 22P02',
  ])
  if (options.transform) return
  expect(await at.verify({ repair: true })).toMatchObject({ ...equal, rowsRejected: 4, rowsRepaired: 0 })
})

it('deletes no row whose key another spelling of the source still has', async () => {
  await using at = await openItems('id text primary key, v text', 'id integer primary key, v varchar(3)')
  await at.source.query(`insert into items values ('1', 'a'), ('01', 'b'), ('02', 'too long'), ('2', 'c')`)
  expect(await at.run()).toMatchObject({ rowsInserted: 2, rowsRejected: 2 })
  await at.source.query(`delete from items where id in ('01', '02')`)
  expect(await at.run(incremental)).toMatchObject({ rowsRejected: 0, rowsDeleted: 0 })
  expect(await at.stored('id, v')).toEqual(['1 a', '2 c'])
  expect(await at.verify()).toMatchObject(equal)
})

it('is found by verify before a run, which repairs the one and rejects the other', async () => {
  await using at = await openItems('id text primary key, v text', 'id integer primary key, v text')
  await at.source.query(`insert into items values ('1', 'a'), ('2', 'b')`)
  await at.run()
  await at.source.query(`insert into items values ('01', 'c', '2026-01-01')`)
  expect(await at.verify()).toMatchObject({ ...equal, rowsMissing: 1 })
  expect(await at.verify({ repair: true })).toMatchObject({ ...equal, rowsRejected: 1, rowsRepaired: 0 })
  expect(await at.stored('id, v')).toEqual(['1 a', '2 b'])
  expect(await at.verify()).toMatchObject({ ...equal, rowsRejected: 1 })
})
