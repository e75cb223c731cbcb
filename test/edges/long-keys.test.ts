import { expect, it } from 'vitest'

import { openItems, type RelationFixture } from '../fixtures/relation-fixture.js'

/** More than an entry of an index holds, and nothing that compression makes short. */
const long = `(select string_agg(md5(n::text), '') from generate_series(1, 200) n)`
const now = 'changed_at = clock_timestamp()'

const lengths = async (at: RelationFixture) =>
  (await at.rejects()).map(({ row_key: key, sql_state: state }) => `${key.length} ${state}`)

it.each([{}, { batchSize: 1 }, { extractor: 'cursor' }] as const)(
  'rejects a row whose key the unique index of the target cannot hold, and loads the others (%j)',
  async (options) => {
    await using at = await openItems('id text, v text', 'id text primary key, v text')
    await at.source.query(`
      insert into items values ('a', '1'), (${long} || 'one', '2'), (${long} || 'two', '2'), ('b\\', '3')`)

    expect(await at.run(options)).toMatchObject({ rowsInserted: 2, rowsRejected: 2 })
    expect(await lengths(at)).toEqual(['6403 54000', '6403 54000'])

    await at.source.query(`update items set v = '4', ${now} where length(id) = 1`)
    expect(await at.run({ ...options, skewAllowance: 0 })).toMatchObject({
      ...{ loadType: 'incremental', rowsUpdated: 1, rowsRejected: 2, rowsDeleted: 0 },
    })
    expect(await at.run({ ...options, loadType: 'full' })).toMatchObject({
      ...{ rowsUnchanged: 2, rowsRejected: 2 },
    })
    expect(await at.verify({ repair: true })).toMatchObject({
      ...{ rowsMissing: 0, rowsStale: 0, rowsExtra: 0, rowsRejected: 2, rowsRepaired: 0 },
    })

    await at.source.query(`delete from items where id like '%two'`)
    expect(await at.run({ ...options, skewAllowance: 0 })).toMatchObject({ rowsRejected: 1 })
    expect(await lengths(at)).toEqual(['6403 54000'])
    expect(await at.stored('id, v')).toEqual(['a 4', 'b\\ 3'])
  },
)

it('says to migrate where etl_rejects cannot hold such a key yet', async () => {
  await using at = await openItems('id text, v text', 'id text primary key, v varchar(3)')
  await at.target.query(`
    alter table etl_rejects
      drop constraint etl_rejects_pkey,
      drop column row_hash,
      add constraint etl_rejects_pkey primary key (pipeline, row_key)`)
  await at.source.query(`insert into items values ('a', '1'), ('b', 'too long')`)
  expect(await at.run()).toMatchObject({ rowsInserted: 1, rowsRejected: 1 })
  expect(await lengths(at)).toEqual(['1 22001'])

  await at.source.query(`insert into items values (${long}, '2')`)
  await expect(at.run()).rejects.toMatchObject({
    code: 'TARGET_FAILED',
    message: expect.stringContaining('key'),
    remedy: expect.stringContaining('chatwoot-sync migrate'),
    details: { sqlState: '54000' },
  })
})

it('keeps apart two rejected rows whose keys share an MD5', async () => {
  const pair = ['A', 'E'].map(
    (letter) => `TEXTCOLLBYfGiJUETHQ4h${letter}cKSMd5zYpgqf1YRDhkmxHkhPWptrkoyz28wnI9V0aHeAuaKnak`,
  )
  await using at = await openItems('id text, v text', 'id text primary key, v varchar(3)')
  const [hashes] = await at.source.query('select md5($1::text) = md5($2::text) as equal', pair)
  expect(hashes).toEqual({ equal: true })
  await at.source.query(`insert into items select id, 'too long' from unnest($1::text[]) id`, [pair])
  expect(await at.run()).toMatchObject({ rowsRejected: 2 })
  expect((await at.rejects()).map(({ row_key: key }) => key)).toEqual(pair)
})
