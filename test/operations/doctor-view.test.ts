import { afterEach, beforeEach, expect, it } from 'vitest'

import { openPractice, type Practice } from '../fixtures/doctor-fixture.js'

let pair: Practice
beforeEach(async () => {
  pair = await openPractice()
})
afterEach(() => pair[Symbol.asyncDispose]())

it('names large tables that are read whole beneath a view, and none that an index leads into', async () => {
  await pair.target.query('create table stored (id integer primary key, amount integer)')
  await pair.source.query(`
    create table items (id integer primary key, amount integer, updated_at timestamptz default now());
    create table others (item_id integer primary key, note text);
    insert into items select n, n, now() - n * interval '1 hour' from generate_series(1, 5000) n;
    insert into others select n, n from generate_series(1, 5000) n;
    analyze items, others;
    create view kept as select i.*, o.note from items i left join others o on o.item_id = i.id where i.amount > 0;
    create view counted as
      select i.id, i.amount, greatest(i.updated_at, (select max(item_id) from others o where o.note = i.id::text)::text::timestamptz) as updated_at
      from items i;
    grant select on items, others, kept, counted to ${pair.reader.user};
    update pg_class set reltuples = 1234567 where oid in ('items'::regclass, 'others'::regclass)`)
  const about = async (name: string) => {
    const view = { table: 'stored', relation: { name, key: 'id', changedAt: 'updated_at' } }
    return (await pair.examine(view)).about('relation-index')
  }
  expect(await about('kept')).toMatchObject([
    {
      outcome: 'warning',
      message: expect.stringMatching(
        /^Every incremental run reads all of items \(about 1,234,567 rows, .*\), as no index leads from updated_at of kept to its changed rows\.$/,
      ),
      remedy: expect.stringContaining('explain select * from kept where "updated_at" > now();'),
    },
  ])
  await pair.source.query(`
    create index on items (updated_at);
    update pg_class set reltuples = 1234567 where oid = 'items'::regclass`)
  expect(await about('kept')).toMatchObject([{ outcome: 'ok' }])
  expect(await about('items')).toEqual([])
  expect(await about('counted')).toMatchObject([
    { outcome: 'warning', message: expect.stringMatching(/all of items \(.*, others \(/) },
  ])
  await pair.source.query('update pg_class set reltuples = 12 where reltuples = 1234567')
  expect(await about('counted')).toMatchObject([{ outcome: 'ok' }])
})
