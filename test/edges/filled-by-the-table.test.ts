import { expect, it } from 'vitest'

import { openItems } from '../fixtures/relation-fixture.js'
import { withKysely } from '../fixtures/rejects-fixture.js'

const now = 'changed_at = clock_timestamp()'
const equal = { rowsMissing: 0, rowsStale: 0, rowsExtra: 0, rowsRejected: 0 }

it.each(['pg', 'Kysely'])('loads a key that is always generated as identity, by %s', async (driver) => {
  await using at = await openItems(
    'id integer primary key, a integer',
    'id integer generated always as identity primary key, a integer',
  )
  await at.source.query('insert into items values (1, 1), (2, 2)')
  const run = (options: Parameters<typeof at.run>[0]) =>
    driver === 'pg' ? at.run(options) : withKysely(at.target.url, (target) => at.run({ target, ...options }))
  expect(await run({ dryRun: true })).toMatchObject({ rowsInserted: 2 })
  expect(await run({})).toMatchObject({ rowsInserted: 2 })
  await at.source.query('insert into items values (3, 3)')
  await at.source.query(`update items set a = 4, ${now} where id = 1`)
  expect(await run({ skewAllowance: 0 })).toMatchObject({ rowsInserted: 1, rowsUpdated: 1 })
  expect(await at.stored('id, a')).toEqual(['1 4', '2 2', '3 3'])
  await at.target.query('update items set a = 0 where id = 2')
  expect(await at.verify({ repair: true })).toMatchObject({ rowsStale: 1, rowsRepaired: 1 })
})

it('leaves out columns that the table generates, and names them', async () => {
  await using at = await openItems(
    'id integer primary key, a integer, b integer, n integer',
    `id integer primary key, a integer, b integer generated always as (a * 2) stored,
     n integer generated always as identity`,
  )
  await at.source.query('insert into items values (1, 1, 7, 10), (2, 2, 8, 11)')
  const report = await at.run()
  expect(report).toMatchObject({ rowsInserted: 2, rowsRejected: 0 })
  expect(report.warnings).toMatchObject([{ code: 'COLUMNS_IGNORED' }])
  expect(report.warnings[0]?.message).toBe('Columns that items generates itself were left out: b, n.')
  await at.source.query(`update items set a = 3, b = 9, ${now} where id = 1`)
  expect(await at.run({ skewAllowance: 0 })).toMatchObject({ rowsUpdated: 1, rowsRejected: 0 })
  expect(await at.stored('id, a, b')).toEqual(['1 3 6', '2 2 4'])
  expect(await at.verify()).toMatchObject(equal)
  expect(await at.run({ dryRun: true, loadType: 'full' })).toMatchObject({ rowsUnchanged: 2 })
})

it('fails before any read for a key that the table computes', async () => {
  await using at = await openItems(
    'id integer primary key, a integer',
    'a integer, id integer generated always as (a + 1) stored unique',
  )
  await expect(at.run()).rejects.toMatchObject({
    code: 'TARGET_COLUMN_MISSING',
    message: expect.stringMatching(/^Column id of items is generated: .* Make it a plain column/),
  })
})

it('counts what is stored where a trigger leaves rows out, and lists these', async () => {
  await using at = await openItems('id integer primary key, v text')
  await at.source.query(`insert into items values (1, 'a'), (2, 'b'), (3, 'skip')`)
  await at.target.query(`
    create function leave_out() returns trigger language plpgsql as $$
    begin
      return case when new.v = 'skip' then null else new end;
    end $$;
    create trigger leave_out before insert or update on items for each row execute function leave_out()`)
  expect(await at.run()).toMatchObject({ rowsExtracted: 3, rowsInserted: 2, rowsRejected: 1 })
  expect(await at.stored('id, v')).toEqual(['1 a', '2 b'])
  expect(await at.rejects()).toEqual([
    {
      row_key: '3',
      column_name: null,
      sql_state: '02000',
      message: 'a trigger of the table leaves it out, without an error',
    },
  ])
  await at.source.query(`update items set v = 'skip', ${now} where id = 2`)
  expect(await at.run({ skewAllowance: 0 })).toMatchObject({
    rowsUpdated: 0,
    rowsUnchanged: 0,
    rowsRejected: 2,
  })
  expect(await at.verify()).toMatchObject({ ...equal, rowsRejected: 2 })
  await at.target.query('drop trigger leave_out on items')
  expect(await at.run({ skewAllowance: 0 })).toMatchObject({
    rowsInserted: 1,
    rowsUpdated: 1,
    rowsRejected: 0,
  })
})

it('warns of a trigger that stores other content', async () => {
  await using at = await openItems('id integer primary key, v text')
  await at.source.query(`insert into items values (1, 'a'), (2, 'B')`)
  await at.target.query(`
    create function raise_case() returns trigger language plpgsql as $$
    begin
      new.v := upper(new.v);
      return new;
    end $$;
    create trigger raise_case before insert or update on items for each row execute function raise_case()`)
  const { warnings, ...report } = await at.run()
  expect(report).toMatchObject({ rowsInserted: 2, rowsRejected: 0 })
  expect(warnings).toMatchObject([{ code: 'CHANGED_BY_TRIGGER' }])
  expect(warnings[0]?.message).toContain('stored 1 row with other content')
  expect(await at.run({ loadType: 'full' })).toMatchObject({ rowsUpdated: 1, rowsUnchanged: 1 })
  expect(await at.verify()).toMatchObject({ rowsStale: 1 })
})
