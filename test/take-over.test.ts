import { expect, it } from 'vitest'

import { migrate, syncConversations, verifyConversations } from '../lib/index.js'
import { rowColumns } from '../lib/chatwoot/columns.js'
import { cloneDatabase, type TestDatabase } from './setup/database.js'

/** A target as the Python pipeline made it: texts with limits, a serial id, live columns that it stored, a history. */
async function makeOldTarget(target: TestDatabase, watermark: string): Promise<void> {
  const [{ list } = { list: '' }] = await target.query<{ list: string }>(
    `select string_agg(
       format('%I %s', name, case type when 'text' then 'varchar(255)' when 'timestamp(6) without time zone' then 'timestamp' else type end),
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
  for (const column of [
    'status',
    'account_id',
    'inbox_id',
    'assignee_id',
    'team_id',
    'conversation_created_at',
  ]) {
    await target.query(`create index idx_${column} on conversas_analytics (${column})`)
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

const oldColumns = rowColumns.filter((name) => name !== 'labels' && name !== 'calendar_timezone')

async function typesOf(names: readonly string[]): Promise<(string | undefined)[]> {
  await using fresh = await cloneDatabase('target')
  const rows = await fresh.query<{ name: string; type: string }>(
    `select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute where attrelid = 'conversas_analytics'::regclass`,
  )
  return names.map((name) => rows.find((row) => row.name === name)?.type)
}

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

  await migrate({ target: target.url })
  const kept = await target.query('select from conversas_analytics where contact_name = $1', ['kept'])
  expect(kept).toHaveLength(40)
  expect(await target.query('select status, error_code from etl_control order by started_at')).toEqual([
    { status: 'failed', error_code: 'INTERRUPTED' },
    { status: 'success', error_code: null },
    { status: 'failed', error_code: 'INTERRUPTED' },
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
  expect(report.rowsExtracted).toBeLessThan(482)
  const [seven] = await target.query(
    'select priority, labels from conversas_analytics where conversation_id = 7',
  )
  expect(seven).toMatchObject({ priority: 3, labels: expect.any(Array) })

  await syncConversations({ source: source.url, target: target.url, loadType: 'full', maxDeleteShare: 1 })
  const found = await verifyConversations({ source: source.url, target: target.url })
  expect(found).toMatchObject({ rowsMissing: 0, rowsStale: 0, rowsExtra: 0 })
})
