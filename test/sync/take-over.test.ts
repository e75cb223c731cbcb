import { expect, it } from 'vitest'

import { migrate, syncConversations, verifyConversations } from '../../lib/index.js'
import { rowColumns } from '../../lib/chatwoot/columns.js'
import { cloneDatabase, type TestDatabase } from '../setup/database.js'
import { chatwootSize } from '../setup/templates.js'

/** A target as the Python pipeline made it: texts with limits, a serial id, live columns that it stored, a history. */
async function makeOldTarget(target: TestDatabase, watermark: string): Promise<void> {
  const [{ list } = { list: '' }] = await target.query<{ list: string }>(
    `select string_agg(
       format('%I %s', name, case type when 'text' then format('varchar(%s)', (array[50, 100, 255])[place % 3 + 1]) when 'timestamp(6) without time zone' then 'timestamp' else type end),
       ', ' order by place) as list
     from unnest($1::text[], $2::text[]) with ordinality as c (name, type, place)`,
    [oldColumns, await typesOf(oldColumns)],
  )
  await target.query(`
    create table conversas_analytics (
      id serial primary key,
      ${list},
      is_today boolean,
      days_since_creation integer not null,
      etl_inserted_at timestamp default now(),
      etl_updated_at timestamp default now(),
      unique (conversation_id)
    )`)
  for (const column of indexed) {
    await target.query(`create index idx_conversas_${column} on conversas_analytics (${column})`)
  }
  await target.query(`
    create table etl_control (
      id serial primary key,
      execution_id uuid not null unique default gen_random_uuid(),
      started_at timestamp not null default now(),
      completed_at timestamp,
      status varchar(20) not null,
      watermark_start timestamp,
      watermark_end timestamp,
      rows_extracted integer default 0,
      rows_inserted integer default 0,
      rows_updated integer default 0,
      rows_unchanged integer default 0,
      duration_seconds numeric,
      load_type varchar(20) default 'incremental',
      triggered_by varchar(50) default 'manual',
      error_message text,
      error_traceback text
    );
    create view vw_etl_stats as select * from etl_control order by started_at desc;
    create function get_last_successful_watermark() returns timestamp language sql as
      $$ select max(watermark_end) from etl_control where status = 'success' $$`)
  await target.query(
    `insert into etl_control (started_at, completed_at, status, watermark_end, rows_extracted, rows_inserted, load_type)
     values
       (now() - interval '3 days', now() - interval '3 days', 'failed', null, 7, 2, 'full'),
       (now() - interval '2 days', now() - interval '2 days', 'success', $1::timestamp, 482, 482, 'full'),
       (now() - interval '1 day', null, 'running', null, 0, 0, 'incremental')`,
    [watermark],
  )
}

/** With the unique one on the key these are fourteen. */
const indexed = [
  ...['status', 'account_id', 'inbox_id', 'assignee_id', 'team_id', 'contact_id', 'priority'],
  ...['conversation_created_at', 'conversation_updated_at', 'last_activity_at', 'conversation_date'],
  ...['is_resolved', 'has_csat'],
] as const

const oldColumns = rowColumns.filter((name) => name !== 'labels' && name !== 'calendar_timezone')

async function typesOf(names: readonly string[]): Promise<(string | undefined)[]> {
  await using fresh = await cloneDatabase('target')
  const rows = await fresh.query<{ name: string; type: string }>(
    `select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute where attrelid = 'conversas_analytics'::regclass`,
  )
  return names.map((name) => rows.find((row) => row.name === name)?.type)
}

const oldRows = `
  select id, conversation_id, contact_name, days_since_creation
  from conversas_analytics
  where id <= 40
  order by id`

const history = `
  select status, error_code, rows_extracted::integer, rows_inserted::integer, load_type
  from etl_control
  order by started_at`

it('a target of the Python pipeline is taken over with its rows and its history, and goes on from its watermark', async () => {
  await using source = await cloneDatabase('source')
  await using target = await cloneDatabase('target', 'template0')
  const [{ watermark } = { watermark: '' }] = await source.query<{ watermark: string }>(
    'select max(updated_at)::text as watermark from conversations',
  )
  await makeOldTarget(target, watermark)
  await target.query(
    `insert into conversas_analytics (conversation_id, contact_name, days_since_creation, etl_inserted_at)
     select id, 'kept', 3, null from generate_series(1, 40) id`,
  )
  const rows = await target.query(oldRows)
  expect(rows).toHaveLength(40)

  await migrate({ target: target.url })
  expect(await target.query(oldRows)).toEqual(rows)
  const indexes = await target.query<{ name: string }>(
    `select indexname as name from pg_indexes where tablename = 'conversas_analytics'`,
  )
  expect(indexes.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'conversas_analytics_pkey',
      'conversas_analytics_conversation_id_key',
      ...indexed.map((column) => `idx_conversas_${column}`),
    ]),
  )
  expect(
    await target.query(`
      select column_name
      from information_schema.columns
      where table_name = 'conversas_analytics'
        and character_maximum_length is not null`),
  ).toEqual([])
  expect(await target.query(history)).toEqual([
    { status: 'failed', error_code: 'INTERRUPTED', rows_extracted: 7, rows_inserted: 2, load_type: 'full' },
    { status: 'success', error_code: null, rows_extracted: 482, rows_inserted: 482, load_type: 'full' },
    {
      status: 'failed',
      error_code: 'INTERRUPTED',
      rows_extracted: 0,
      rows_inserted: 0,
      load_type: 'incremental',
    },
  ])
  expect(await target.query('select count(*)::integer as runs from etl_control_python')).toEqual([
    { runs: 3 },
  ])
  expect(await target.query('select get_last_successful_watermark()::text as at')).toEqual([
    { at: watermark },
  ])

  await source.query(
    `update conversations set updated_at = now() at time zone 'UTC', priority = 3 where id = 7`,
  )
  const report = await syncConversations({ source: source.url, target: target.url })
  expect(report).toMatchObject({ loadType: 'incremental', status: 'success', reason: null })
  expect(report.warnings).toContainEqual(expect.objectContaining({ code: 'TAKEN_OVER' }))
  expect(report.rowsExtracted).toBeLessThan(chatwootSize)
  const goesOn = `select $1::timestamp = $2::timestamp - interval '60 seconds' as "goesOn"`
  expect(await target.query(goesOn, [report.watermarkStart, watermark])).toEqual([{ goesOn: true }])
  const [seven] = await target.query(
    'select priority, labels from conversas_analytics where conversation_id = 7',
  )
  expect(seven).toMatchObject({ priority: 3, labels: expect.any(Array) })

  await syncConversations({ source: source.url, target: target.url, loadType: 'full', maxDeleteShare: 1 })
  const [ids] = await target.query(
    'select count(id)::integer as ids, max(id) as last, count(*)::integer as rows from conversas_analytics',
  )
  expect(ids).toMatchObject({ ids: ids?.['rows'], last: expect.any(Number) })
  expect(ids?.['last']).toBeGreaterThan(40)
  const found = await verifyConversations({ source: source.url, target: target.url })
  expect(found).toMatchObject({ rowsMissing: 0, rowsStale: 0, rowsExtra: 0 })
})
