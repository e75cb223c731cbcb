import { expect, it } from 'vitest'

import type { SyncReport } from '../../lib/domain/report.js'
import type { VerifyReport } from '../../lib/domain/verification.js'
import { diagnose, verifyConversations } from '../../lib/index.js'
import {
  behindOptions as options,
  expectEqual,
  oldTable,
  openBehind as open,
  staleRows,
  targetTable as target,
} from '../fixtures/behind-fixture.js'
import type { SyncFixture } from '../fixtures/sync-fixture.js'
import type { TestDatabase } from '../setup/database.js'

const oldView = `${oldTable}
  alter table st rename to base;
  create view st as select id, v, updated_at from base;`

/** What tells of an edit: a run that reads everything for a reason, a run that reads the rows, or warns; or doctor, in advance. */
type Notice =
  | { readonly reason: string; readonly counts?: Partial<SyncReport> }
  | { readonly rows: Partial<SyncReport> }
  | { readonly warning: string; readonly about: string }
  | { readonly doctor: string; readonly verify: Partial<VerifyReport> }

type Edit = readonly [
  what: string,
  edit: { readonly source?: string; readonly target?: string },
  notice: Notice,
  start?: string | ((source: TestDatabase) => string),
]

/** The row that is read through a foreign table is another one of the same database. */
function throughForeignTable({ url, name }: TestDatabase): string {
  const { hostname, port, username, password } = new URL(url)
  return `
    ${oldTable} alter table st rename to base;
    create extension postgres_fdw;
    create server there foreign data wrapper postgres_fdw options (host '${hostname}', port '${port}', dbname '${name}');
    create user mapping for current_user server there options (user '${username}', password '${password}');
    create foreign table st (id int, v text, updated_at timestamptz) server there options (table_name 'base')`
}

const partitioned = `
  create table st (id int primary key, v text, updated_at timestamptz) partition by range (id);
  create table st_1 partition of st for values from (1) to (6);
  create table st_2 partition of st for values from (6) to (100);
  insert into st select g, 'old', now() - interval '3 days' from generate_series(1, 10) g;`

const byVerify =
  'Deleted rows, other changes and what others write into the table are found by a full load or verify.'

/** Each edit leaves no stamp of its own, or takes rows away that no stamp brings back. */
const edits: readonly Edit[] = [
  [
    'a table that was swapped by its name',
    {
      source: `
        create table st2 (like st including all); ${staleRows('st2')}
        begin; alter table st rename to st_old; alter table st2 rename to st; commit`,
    },
    { reason: 'public.st is another table' },
  ],
  [
    'a table that was truncated and filled again',
    { source: `begin; truncate st; ${staleRows('st')} commit` },
    { reason: 'public.st was truncated or rewritten' },
  ],
  [
    'a table that was dropped and created again',
    {
      source: `drop table st; create table st (id int primary key, v text, updated_at timestamptz); ${staleRows('st')}`,
    },
    { reason: 'public.st is another table' },
  ],
  [
    'a view that was defined anew',
    { source: `create or replace view st as select id, upper(v) as v, updated_at from base` },
    { reason: 'the definition of public.st changed' },
    oldView,
  ],
  [
    'a view below the view that was defined anew',
    { source: `create or replace view inner_view as select id, v || '!' as v, updated_at from base` },
    { reason: 'the definition of public.inner_view changed' },
    `${oldTable} alter table st rename to base;
     create view inner_view as select id, v, updated_at from base;
     create view st as select * from inner_view;`,
  ],
  [
    'a table below the view that was truncated and filled again',
    { source: `begin; truncate base; ${staleRows('base')} commit` },
    { reason: 'public.base was truncated or rewritten' },
    oldView,
  ],
  [
    'a function that the view calls',
    {
      source: `create or replace function said(v text) returns text language sql immutable as $$ select v || '?' $$`,
    },
    { reason: 'the definition of public.st changed' },
    `${oldTable} alter table st rename to base;
     create function said(v text) returns text language sql immutable as $$ select v $$;
     create view st as select id, said(v) as v, updated_at from base;`,
  ],
  [
    'a materialized view that was refreshed',
    { source: `${staleRows('base').replace('(1, 12)', '(11, 12)')} refresh materialized view st` },
    { reason: 'public.st was refreshed' },
    `${oldTable} alter table st rename to base; create materialized view st as select * from base;`,
  ],
  [
    'a materialized view that was refreshed in place',
    {
      source: `${staleRows('base').replace('(1, 12)', '(11, 12)')} refresh materialized view concurrently st`,
    },
    { reason: 'public.st is a materialized view, whose changes no stamp shows' },
    `${oldTable} alter table st rename to base; create materialized view st as select * from base;
     create unique index on st (id);`,
  ],
  [
    'a materialized view below the view',
    { source: `${staleRows('base').replace('(1, 12)', '(11, 12)')} refresh materialized view m` },
    { reason: 'public.m was refreshed' },
    `${oldTable} alter table st rename to base; create materialized view m as select * from base;
     create view st as select * from m;`,
  ],
  [
    'row security that shows other rows',
    { source: `alter table st enable row level security; create policy p on st using (id > 2)` },
    { reason: 'the definition of public.st changed' },
  ],
  ['a target that was emptied', { target: 'truncate tt' }, { reason: 'the table tt was emptied' }],
  [
    'a target whose rows were all deleted',
    { target: 'delete from tt' },
    { reason: 'the table tt was emptied' },
  ],
  [
    'a target that was dropped and created again',
    { target: `drop table tt; ${target}` },
    { reason: 'the table tt is another one than the last run wrote' },
  ],
  [
    'a target that was swapped by its name',
    {
      target: `create table t2 (like tt including all); insert into t2 select * from tt where id < 5;
        begin; alter table tt rename to t_old; alter table t2 rename to tt; commit`,
    },
    { reason: 'the table tt is another one than the last run wrote' },
  ],
  [
    'a target that was filled from an older copy',
    {
      target: `create temp table copy as select * from tt;
        update copy set v = 'older', etl_updated_at = etl_updated_at - interval '1 hour';
        begin; delete from tt; insert into tt select * from copy; commit`,
    },
    { reason: 'the table tt was restored or filled by another program' },
  ],
  [
    'a target that was filled from an older copy without its newest rows',
    {
      target: `create temp table copy as select * from tt where id < 3;
        update copy set etl_updated_at = etl_updated_at - interval '1 hour';
        begin; truncate tt; insert into tt select * from copy; commit`,
    },
    { reason: 'the table tt was restored or filled by another program' },
  ],
  [
    'a row behind a foreign table',
    { source: `update base set v = 'unseen' where id = 3` },
    { reason: 'public.st is a foreign table, whose changes no stamp shows', counts: { rowsUpdated: 1 } },
    throughForeignTable,
  ],
  [
    'VACUUM FULL of the source',
    { source: 'vacuum full st' },
    { reason: 'public.st was truncated or rewritten', counts: { rowsUnchanged: 10 } },
  ],
  [
    'CLUSTER of the source',
    { source: 'cluster st using st_pkey' },
    { reason: 'public.st was truncated or rewritten', counts: { rowsUnchanged: 10 } },
  ],
  [
    'a partition of old rows that was attached',
    {
      source: `
        create table st_3 (like st including all);
        insert into st_3 select g, 'attached', now() - interval '1 year' from generate_series(100, 104) g;
        alter table st attach partition st_3 for values from (100) to (200)`,
    },
    { rows: { rowsExtracted: 5, rowsInserted: 5 } },
    partitioned,
  ],
  [
    'a partition that was detached',
    { source: 'alter table st detach partition st_2' },
    { warning: 'PARTITIONS_GONE', about: 'public.st_2' },
    partitioned,
  ],
  [
    'some rows of the target that were deleted',
    { target: 'delete from tt where id < 4; select pg_stat_force_next_flush()' },
    { warning: 'TARGET_ROWS_DELETED', about: 'rows of tt, up to 3 of them;' },
  ],
  [
    'a row that was changed without a stamp',
    { source: `update st set v = 'unseen' where id = 3` },
    { doctor: byVerify, verify: { rowsStale: 1, rowsMissing: 0, rowsExtra: 0 } },
  ],
  [
    'a row that was deleted in the source',
    { source: 'delete from st where id = 3' },
    { doctor: byVerify, verify: { rowsStale: 0, rowsMissing: 0, rowsExtra: 1 } },
  ],
  [
    'a row that another program changed in the target',
    { target: `update tt set v = 'theirs' where id = 3` },
    { doctor: byVerify, verify: { rowsStale: 1, rowsMissing: 0, rowsExtra: 0 } },
  ],
]

/** Each with its place, as vitest types the parts of a row by all of them. */
const inOrder = edits.map(([what], place) => [what, place] as const)

it('knows more than twenty edits', () => {
  expect(new Set(inOrder.map(([what]) => what)).size).toBeGreaterThan(20)
})

it.each(inOrder)('tells of %s', async (_what, place) => {
  const [, edit, notice, start = oldTable] = edits[place] ?? fail()
  await using at = await open(start)
  await at.sync(options)
  if (edit.source) await at.source.query(edit.source)
  if (edit.target) await at.target.query(edit.target)

  const report = await at.sync(options)

  if ('doctor' in notice) await expectForetold(at, report, notice)
  else await expectTold(at, report, notice)
})

type Foretold = Extract<Notice, { readonly doctor: string }>

async function expectTold(at: SyncFixture, report: SyncReport, notice: Exclude<Notice, Foretold>) {
  if ('reason' in notice) {
    expect(report).toMatchObject({ loadType: 'full', ...notice.counts })
    expect(report.reason).toContain(notice.reason)
  } else {
    const told =
      'rows' in notice ? [] : [{ code: notice.warning, message: expect.stringContaining(notice.about) }]
    expect(report).toMatchObject({ loadType: 'incremental', reason: null, rowsDeleted: 0, warnings: told })
    if ('rows' in notice) expect(report).toMatchObject(notice.rows)
  }
  if (!('warning' in notice)) await expectEqual(at)
  const next = await at.sync(options)
  if ('reason' in notice && notice.reason.includes('no stamp shows'))
    expect(next.reason).toContain(notice.reason)
  else expect(next).toMatchObject({ ...unnoticed, loadType: 'incremental' })
}

const unnoticed = { reason: null, rowsExtracted: 0, warnings: [] }

/** Of what no run notices, doctor says that it is so and what does, which finds it. */
async function expectForetold(
  { source, target }: SyncFixture,
  report: SyncReport,
  { doctor, verify }: Foretold,
) {
  expect(report).toMatchObject(unnoticed)
  const both = { source: source.url, target: target.url, ...options }
  const { checks } = await diagnose(both)
  const told = checks.filter(({ name }) => name === 'relation-changes')
  expect(told).toMatchObject([{ message: expect.stringContaining(doctor) }])
  expect(await verifyConversations(both)).toMatchObject(verify)
}

function fail(): never {
  throw new Error('no such edit')
}
