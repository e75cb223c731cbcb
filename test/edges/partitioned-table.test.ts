import { expect, it } from 'vitest'

import { openItems } from '../fixtures/relation-fixture.js'

const columns = 'id bigint, created_at timestamp, title text, amount numeric'

/** Items in a table that is partitioned by month. */
async function openMonths(more = '') {
  const at = await openItems(`${columns}, primary key (id)`, columns)
  await at.target.query(`
    drop table items;
    create table items (
      id bigint,
      created_at timestamp,
      title text,
      amount numeric,
      changed_at timestamptz,
      deleted_at timestamptz,
      etl_inserted_at timestamptz default now(),
      etl_updated_at timestamptz default now(),
      primary key (id, created_at)
    ) partition by range (created_at);
    create table items_2026_01 partition of items for values from ('2026-01-01') to ('2026-02-01');
    create table items_2026_02 partition of items for values from ('2026-02-01') to ('2026-03-01');
    create table items_rest partition of items default;
    ${more}`)
  await at.source.query(`
    insert into items (id, created_at, title, amount)
    select i, timestamp '2026-01-01' + (i - 1) * interval '10 days', 'title ' || i, i
    from generate_series(1, 9) i`)
  return at
}

type Months = Awaited<ReturnType<typeof openMonths>>

/** Where each row is, as `id created_at partition`. */
const places = ({ stored }: Months) => stored(`id, created_at::date, tableoid::regclass`)

it('a table that is partitioned by month is loaded, and an unchanged row of it is not written', async () => {
  await using at = await openMonths()

  const first = await at.run()
  const writers = await at.target.query('select id, xmin::text from items order by id')
  const again = await at.run({ loadType: 'full' })

  expect(first).toMatchObject({ rowsInserted: 9, rowsUpdated: 0 })
  expect(again).toMatchObject({ rowsExtracted: 9, rowsInserted: 0, rowsUpdated: 0, rowsUnchanged: 9 })
  expect(await at.target.query('select id, xmin::text from items order by id')).toEqual(writers)
  expect(await at.verify()).toMatchObject({ rowsMissing: 0, rowsStale: 0, rowsExtra: 0 })
})

it.each(['incremental', 'full'] as const)(
  'a row moves to the month of its new date by a run: %s',
  async (loadType) => {
    await using at = await openMonths()
    await at.run()
    const [before] = await at.target.query('select etl_inserted_at::text from items where id = 1')
    await at.source.query(`
    update items set created_at = '2026-02-15', changed_at = clock_timestamp() where id = 1;
    update items set title = 'another', changed_at = clock_timestamp() where id = 2;
    insert into items (id, created_at, title) values (10, '2026-02-03', 'new')`)

    const report = await at.run({ loadType })

    expect(report).toMatchObject({ rowsInserted: 1, rowsUpdated: 2, rowsRejected: 0, warnings: [] })
    const found = await places(at)
    expect(found).toHaveLength(10)
    expect(found).toContain('1 2026-02-15 items_2026_02')
    expect(found).toContain('10 2026-02-03 items_2026_02')
    expect(await at.stored('id, title, amount', 'id = 1')).toEqual(['1 title 1 1'])
    const [after] = await at.target.query(
      'select etl_inserted_at::text, etl_updated_at > etl_inserted_at as is_later from items where id = 1',
    )
    expect(after).toEqual({ ...before, is_later: true })
    expect(await at.verify()).toMatchObject({ rowsMissing: 0, rowsStale: 0, rowsExtra: 0 })
  },
)

it('a dry run counts a row that would move as updated', async () => {
  await using at = await openMonths()
  await at.run()
  await at.source.query(`
    update items set created_at = '2026-02-15', changed_at = clock_timestamp() where id = 1;
    insert into items (id, created_at) values (10, '2026-02-03')`)

  const report = await at.run({ dryRun: true })

  expect(report).toMatchObject({ rowsInserted: 1, rowsUpdated: 1, rowsUnchanged: 0 })
  expect(await places(at)).toContain('1 2026-01-01 items_2026_01')
})

it('a row that was soft-deleted in one month comes back in another', async () => {
  await using at = await openMonths()
  await at.run()
  await at.source.query('delete from items where id = 1')
  const deleted = await at.run({ loadType: 'full' })
  await at.source.query(`insert into items (id, created_at, title) values (1, '2026-02-15', 'again')`)

  const report = await at.run()

  expect(deleted.rowsDeleted).toBe(1)
  expect(report).toMatchObject({ rowsInserted: 0, rowsUpdated: 1 })
  expect(await places(at)).toContain('1 2026-02-15 items_2026_02')
  expect(await at.target.query('select 1 from items where id = 1')).toHaveLength(1)
})

it('rows that swap a unique value while one moves are written together', async () => {
  await using at = await openMonths('alter table items add unique (title, created_at)')
  await at.source.query(`update items set created_at = '2026-01-05' where id in (1, 2)`)
  await at.run()
  await at.source.query(`
    update items
    set title = case id when 1 then 'title 2' when 2 then 'title 1' else title end,
      created_at = case id when 3 then timestamp '2026-02-27' else created_at end,
      changed_at = clock_timestamp()
    where id in (1, 2, 3)`)

  const report = await at.run()

  expect(report).toMatchObject({ rowsUpdated: 3, rowsRejected: 0 })
  expect(await at.stored('id, title, created_at::date', 'id <= 3')).toEqual([
    '1 title 2 2026-01-05',
    '2 title 1 2026-01-05',
    '3 title 3 2026-02-27',
  ])
})

it('a row without the date by which the table is partitioned is rejected', async () => {
  await using at = await openMonths()
  await at.source.query('update items set created_at = null where id = 4')

  const report = await at.run()

  expect(report).toMatchObject({ rowsInserted: 8, rowsRejected: 1 })
  expect(await at.rejects()).toMatchObject([{ row_key: '4', column_name: 'created_at', sql_state: '23502' }])
})

it('a row that a trigger does not let move is rejected, and comes no second time', async () => {
  await using at = await openMonths(`
    create function stay() returns trigger language plpgsql as $$
    begin
      return case when new.created_at = old.created_at then new end;
    end $$;
    create trigger stay before update on items for each row execute function stay()`)
  await at.run()
  await at.source.query(`
    update items set created_at = '2026-01-30', changed_at = clock_timestamp() where id = 1;
    update items set title = 'another', changed_at = clock_timestamp() where id = 2`)

  const report = await at.run()

  expect(report).toMatchObject({ rowsUpdated: 1, rowsRejected: 1 })
  expect(await at.rejects()).toMatchObject([{ row_key: '1' }])
  expect(await places(at)).toHaveLength(9)
})

it('a table whose partitions depend on a column that is not loaded is not accepted', async () => {
  await using at = await openMonths()
  await at.source.query('alter table items drop column created_at')

  await expect(at.run()).rejects.toThrow('The table items is partitioned by created_at, which is not loaded.')
})

it('a table whose key is unique beside a column by which it is not partitioned is not accepted', async () => {
  await using at = await openMonths(`
    drop table items;
    create table items (id bigint, created_at timestamp, changed_at timestamptz, primary key (id, created_at))`)

  await expect(at.run()).rejects.toThrow('The table items has no unique index on id alone.')
})

it('a table that Citus distributes is compared by what is staged alone, with the same result', async () => {
  await using at = await openMonths(`
    create function citus_truncate_trigger() returns trigger language plpgsql as 'begin return null; end';
    create trigger truncate_trigger after truncate on items execute function citus_truncate_trigger()`)
  await at.run()
  await at.source.query(`
    update items set created_at = '2026-02-15', changed_at = clock_timestamp() where id = 1;
    update items set title = 'another', amount = 2.0, changed_at = clock_timestamp() where id = 2;
    update items set amount = 3.0, changed_at = clock_timestamp() where id = 3;
    delete from items where id = 5`)

  const report = await at.run({ loadType: 'full' })

  expect(report).toMatchObject({ rowsInserted: 0, rowsUpdated: 3, rowsUnchanged: 5, rowsDeleted: 1 })
  expect(await at.stored('id, title, amount', 'id <= 3')).toEqual([
    '1 title 1 1',
    '2 another 2.0',
    '3 title 3 3.0',
  ])
})
