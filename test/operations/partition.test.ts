import { expect, it } from 'vitest'

import { catalogOf, leftovers, openRole, openTable, rowsOf } from '../fixtures/partition-fixture.js'

/** Everything of a user's own that is rebuilt with the table. */
const decorate = (role: string) => `
  comment on table conversas_analytics is 'Conversations, and ''more''.';
  grant select on conversas_analytics to ${role} with grant option;
  grant insert (status), update (status) on conversas_analytics to ${role};
  alter table conversas_analytics set (fillfactor = 80, toast.autovacuum_enabled = false);
  alter table conversas_analytics alter status set statistics 500, alter inbox_id set (n_distinct = 20);
  alter table conversas_analytics alter message_compiled set storage external;
  alter table conversas_analytics add constraint "is Known" check (status >= 0);
  create index "my ""index" on conversas_analytics (lower(contact_name) desc) include (status) where status = 1;
  comment on index "my ""index" is 'Mine.';
  create unique index with_time on conversas_analytics (contact_name, conversation_created_at);
  create view plain_view as select conversation_id, contact_name from conversas_analytics;
  create view "View of view" with (security_barrier = true) as
    select p.*, c.status from plain_view p join conversas_analytics c using (conversation_id) where c.status > 0;
  comment on view "View of view" is 'Two steps.';
  comment on column "View of view".status is 'A column.';
  grant select on "View of view" to ${role}`

it('a table by month has every row, and all that hung on it; undone, nothing is different from before', async () => {
  await using at = await openTable()
  await using role = await openRole(at.target)
  await at.target.query(decorate(role.name))
  const [rows, catalog] = [await at.rows(), await catalogOf(at.target)]

  const report = await at.partition()

  expect(report).toMatchObject({
    ...{ action: 'partitioned', rows: 30, hasDateChecks: true, dryRun: false },
    before: 'public.conversas_analytics_before',
    views: expect.arrayContaining([
      'public.plain_view',
      'public.View of view',
      'public.vw_conversas_analytics',
    ]),
  })
  expect(await at.rows()).toEqual(rows)
  expect(await rowsOf(at.target, 'conversas_analytics_before')).toEqual(rows)
  const [first] = await at.places()
  expect(first).toBe('1 conversas_analytics_202601')
  const shown = await at.target.query(
    'select conversation_id, contact_name, status from "View of view" order by 1',
  )
  await at.target.query(`update conversas_analytics set contact_name = contact_name || '.' where status = 1`)
  expect(
    await at.target.query('select conversation_id, contact_name, status from "View of view" order by 1'),
  ).not.toEqual(shown)
  await at.target.query(`update conversas_analytics set contact_name = rtrim(contact_name, '.')`)
  const byMonth = await catalogOf(at.target)
  const differing = byMonth.filter((fact) => !catalog.includes(fact))
  // Its key, and that the time cannot be NULL.
  for (const fact of differing) expect(fact).toMatch(/conversation_created_at|conversas_analytics_pkey/)
  expect(differing).toHaveLength(3)

  expect(await at.partition({ dropBefore: 'conversas_analytics_before' })).toMatchObject({
    action: 'before-dropped',
  })
  expect(await at.partition({ undo: true })).toMatchObject({ action: 'unpartitioned', rows: 30 })
  expect(await at.rows()).toEqual(rows)
  expect(await catalogOf(at.target)).toEqual(catalog)
  await at.partition({ dropBefore: 'public.conversas_analytics_before' })
  expect(await leftovers(at.target)).toEqual([])
  expect(await at.target.query('select 1 from etl_partitioning')).toEqual([])
})

it('filters of the date and of the time of a conversation leave out the other months', async () => {
  await using at = await openTable(6)
  await at.partition()
  const partitions = async (filter: string) => {
    const plan = await at.target.query<{ 'QUERY PLAN': string }>(
      `explain (costs off) select count(*) from conversas_analytics where ${filter}`,
    )
    return new Set(JSON.stringify(plan).match(/conversas_analytics_(\d{6}|default)/g))
  }

  expect(await partitions(`conversation_date between '2026-03-01' and '2026-03-31'`)).toEqual(
    new Set(['202602', '202603', '202604', 'default'].map((month) => `conversas_analytics_${month}`)),
  )
  expect(
    await partitions(`conversation_created_at >= '2026-03-01' and conversation_created_at < '2026-04-01'`),
  ).toEqual(new Set(['conversas_analytics_202603']))
  expect((await partitions('conversation_month = 3')).size).toBeGreaterThan(6)
})

it('what would be lost is listed, and nothing is changed', async () => {
  await using at = await openTable()
  await using role = await openRole(at.target)
  await at.target.query(`
    create materialized view summary as select count(*) as rows from conversas_analytics;
    create table notes (conversation_id integer references conversas_analytics);
    create function touched() returns trigger language plpgsql as 'begin return new; end';
    create trigger "my trigger" before insert on conversas_analytics for each row execute function touched();
    create rule silent as on delete to conversas_analytics where old.conversation_id < 0 do instead nothing;
    create policy mine on conversas_analytics using (true);
    create statistics pairs on status, inbox_id from conversas_analytics;
    create publication everything for table conversas_analytics;
    create unique index one_name on conversas_analytics (contact_name);
    create function of_row(conversas_analytics) returns integer language sql as 'select 1';
    create view by_key as select conversation_id, contact_name, count(*) from conversas_analytics group by conversation_id;
    create table conversas_analytics_202602 (mine integer);
    grant select on conversas_analytics to ${role.name} with grant option`)

  const failure = await at.partition().catch((error: unknown) => error)

  expect(failure).toMatchObject({ code: 'TABLE_NOT_REBUILDABLE' })
  const listed: string[] = Reflect.get(Object(failure), 'details').obstacles
  for (const name of [
    ...[
      'materialized view summary',
      'notes_conversation_id_fkey',
      'my trigger',
      'rule silent',
      'policy mine',
    ],
    ...['pairs', 'publication everything', 'one_name', 'of_row', 'view by_key', 'conversas_analytics_202602'],
  ]) {
    expect(listed.join('\n')).toContain(name)
  }
  await expect(at.partition({ dryRun: true })).rejects.toMatchObject({ code: 'TABLE_NOT_REBUILDABLE' })
  expect(await leftovers(at.target)).toEqual(['conversas_analytics_202602', 'my trigger'])
  expect(await at.target.query('select 1 from etl_partitioning')).toEqual([])
})

it('a dry run shows sizes and time', async () => {
  await using at = await openTable()
  const report = await at.partition({ dryRun: true })
  expect(report).toMatchObject({ action: 'partitioned', dryRun: true, rows: 30, hasDateChecks: true })
  expect(report.bytes).toBeGreaterThan(30 * 2000)
  expect(report.estimatedSeconds).toBeGreaterThan(0)
  expect(await leftovers(at.target)).toEqual([])
})

it.each([
  [{ monthsAhead: 25 }, 'monthsAhead'],
  [{ undo: true, cancel: true }, 'undo'],
  [{ dryRun: true, cancel: true }, 'dryRun'],
  [{ lockBudget: -1 }, 'lockBudget'],
  [{ undo: true }, 'not partitioned'],
  [{ dropBefore: 'conversas_analytics' }, 'no table of before'],
])('options that cannot work are named: %o', async (options, name) => {
  await using at = await openTable()
  await expect(at.partition(options)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining(name),
  })
})
