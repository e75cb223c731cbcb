import { expect, it } from 'vitest'

import {
  behindOptions as options,
  expectEqual,
  oldTable,
  openBehind as open,
  staleRows,
  targetTable as target,
} from '../fixtures/behind-fixture.js'

const oldView = `${oldTable}
  alter table st rename to base;
  create view st as select id, v, updated_at from base;`

type Edit = readonly [
  what: string,
  edit: { readonly source?: string; readonly target?: string },
  reason: string,
  start?: string,
]

/** Each with its place, as vitest types the parts of a row by all of them. */
const inOrder = (cases: readonly Edit[]) => cases.map(([what], place) => [what, place] as const)

/** Each edit leaves no stamp of its own, or takes rows away that no stamp brings back. */
const edits: readonly Edit[] = [
  [
    'a table that was swapped by its name',
    {
      source: `
        create table st2 (like st including all); ${staleRows('st2')}
        begin; alter table st rename to st_old; alter table st2 rename to st; commit`,
    },
    'public.st is another table',
  ],
  [
    'a table that was truncated and filled again',
    { source: `begin; truncate st; ${staleRows('st')} commit` },
    'public.st was truncated or rewritten',
  ],
  [
    'a table that was dropped and created again',
    {
      source: `drop table st; create table st (id int primary key, v text, updated_at timestamptz); ${staleRows('st')}`,
    },
    'public.st is another table',
  ],
  [
    'a view that was defined anew',
    { source: `create or replace view st as select id, upper(v) as v, updated_at from base` },
    'the definition of public.st changed',
    oldView,
  ],
  [
    'a view below the view that was defined anew',
    { source: `create or replace view inner_view as select id, v || '!' as v, updated_at from base` },
    'the definition of public.inner_view changed',
    `${oldTable} alter table st rename to base;
     create view inner_view as select id, v, updated_at from base;
     create view st as select * from inner_view;`,
  ],
  [
    'a table below the view that was truncated and filled again',
    { source: `begin; truncate base; ${staleRows('base')} commit` },
    'public.base was truncated or rewritten',
    oldView,
  ],
  [
    'a function that the view calls',
    {
      source: `create or replace function said(v text) returns text language sql immutable as $$ select v || '?' $$`,
    },
    'the definition of public.st changed',
    `${oldTable} alter table st rename to base;
     create function said(v text) returns text language sql immutable as $$ select v $$;
     create view st as select id, said(v) as v, updated_at from base;`,
  ],
  [
    'a materialized view that was refreshed',
    { source: `${staleRows('base').replace('(1, 12)', '(11, 12)')} refresh materialized view st` },
    'public.st was refreshed',
    `${oldTable} alter table st rename to base; create materialized view st as select * from base;`,
  ],
  [
    'a materialized view that was refreshed in place',
    {
      source: `${staleRows('base').replace('(1, 12)', '(11, 12)')} refresh materialized view concurrently st`,
    },
    'public.st is a materialized view, whose changes no stamp shows',
    `${oldTable} alter table st rename to base; create materialized view st as select * from base;
     create unique index on st (id);`,
  ],
  [
    'a materialized view below the view',
    { source: `${staleRows('base').replace('(1, 12)', '(11, 12)')} refresh materialized view m` },
    'public.m was refreshed',
    `${oldTable} alter table st rename to base; create materialized view m as select * from base;
     create view st as select * from m;`,
  ],
  [
    'row security that shows other rows',
    { source: `alter table st enable row level security; create policy p on st using (id > 2)` },
    'the definition of public.st changed',
  ],
  ['a target that was emptied', { target: 'truncate tt' }, 'the table tt was emptied'],
  ['a target whose rows were all deleted', { target: 'delete from tt' }, 'the table tt was emptied'],
  [
    'a target that was dropped and created again',
    { target: `drop table tt; ${target}` },
    'the table tt is another one than the last run wrote',
  ],
  [
    'a target that was swapped by its name',
    {
      target: `create table t2 (like tt including all); insert into t2 select * from tt where id < 5;
        begin; alter table tt rename to t_old; alter table t2 rename to tt; commit`,
    },
    'the table tt is another one than the last run wrote',
  ],
  [
    'a target that was filled from an older copy',
    {
      target: `create temp table copy as select * from tt;
        update copy set v = 'older', etl_updated_at = etl_updated_at - interval '1 hour';
        begin; delete from tt; insert into tt select * from copy; commit`,
    },
    'the table tt was restored or filled by another program',
  ],
  [
    'a target that was filled from an older copy without its newest rows',
    {
      target: `create temp table copy as select * from tt where id < 3;
        update copy set etl_updated_at = etl_updated_at - interval '1 hour';
        begin; truncate tt; insert into tt select * from copy; commit`,
    },
    'the table tt was restored or filled by another program',
  ],
]

it.each(inOrder(edits))('notices %s, and reads everything once', async (_what, place) => {
  const [, edit, reason, start = oldTable] = edits[place] ?? fail()
  await using at = await open(start)
  await at.sync(options)
  if (edit.source) await at.source.query(edit.source)
  if (edit.target) await at.target.query(edit.target)

  const report = await at.sync(options)

  expect(report.reason).toContain(reason)
  expect(report.loadType).toBe('full')
  await expectEqual(at)
  const next = await at.sync(options)
  if (reason.includes('no stamp shows')) expect(next.reason).toContain(reason)
  else expect(next).toMatchObject({ loadType: 'incremental', reason: null, rowsExtracted: 0, warnings: [] })
})

function fail(): never {
  throw new Error('no such edit')
}

it('reads everything each time over a foreign table, and says why', async () => {
  await using at = await open(oldTable)
  const { host, port, username, password } = new URL(at.source.url)
  await at.source.query(`
    create extension postgres_fdw;
    create server there foreign data wrapper postgres_fdw options (host '${host.split(':')[0] ?? ''}', port '${port}', dbname '${at.source.name}');
    create user mapping for current_user server there options (user '${username}', password '${password}');
    alter table st rename to base;
    create foreign table st (id int, v text, updated_at timestamptz) server there options (table_name 'base')`)
  await at.sync(options)
  await at.source.query(`update base set v = 'unseen' where id = 3`)

  expect(await at.sync(options)).toMatchObject({
    loadType: 'full',
    reason: 'public.st is a foreign table, whose changes no stamp shows',
    rowsUpdated: 1,
  })
  await expectEqual(at)
})

it('reads the rows of a partition that was attached, and no others', async () => {
  await using at = await open(`
    create table st (id int primary key, v text, updated_at timestamptz) partition by range (id);
    create table st_1 partition of st for values from (1) to (100);
    insert into st select g, 'old', now() - interval '3 days' from generate_series(1, 10) g;`)
  await at.source.query(`
    create table st_2 (like st including all);
    insert into st_2 select g, 'attached', now() - interval '1 year' from generate_series(100, 104) g;
    alter table st attach partition st_2 for values from (100) to (200)`)

  expect(await at.sync(options)).toMatchObject({ loadType: 'incremental', rowsExtracted: 5, rowsInserted: 5 })
  await expectEqual(at)
  expect(await at.sync(options)).toMatchObject({ loadType: 'incremental', rowsExtracted: 0 })

  await at.source.query('alter table st detach partition st_2')
  const report = await at.sync(options)
  expect(report).toMatchObject({ loadType: 'incremental', rowsDeleted: 0 })
  expect(report.warnings).toMatchObject([
    { code: 'PARTITIONS_GONE', message: expect.stringContaining('public.st_2') },
  ])
  expect((await at.sync(options)).warnings).toEqual([])
})

it.each(['vacuum full st', 'cluster st using st_pkey'])(
  'reads everything once after %s of the source, and says why',
  async (edit) => {
    await using at = await open(oldTable)
    await at.source.query(edit)
    expect(await at.sync(options)).toMatchObject({
      loadType: 'full',
      reason: 'public.st was truncated or rewritten',
      rowsUnchanged: 10,
    })
    expect(await at.sync(options)).toMatchObject({ loadType: 'incremental', reason: null })
  },
)
