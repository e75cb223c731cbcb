import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { migrate, syncConversations } from '../../lib/index.js'
import { makePythonTarget } from '../fixtures/python-target.js'
import { cloneDatabase, type TestDatabase } from '../setup/database.js'

let target: TestDatabase
beforeEach(async () => {
  target = await cloneDatabase('target', 'template0')
})
afterEach(() => target[Symbol.asyncDispose]())

const runs = `
  select status, load_type, triggered_by, watermark_end::text, rows_extracted, error_code, error_message
  from etl_control
  order by started_at, execution_id`

describe('migrate takes the history of the Python pipeline', () => {
  it('whatever its runs were called and whoever started them', async () => {
    await makePythonTarget(target, '2026-01-01')
    await target.query(`
      truncate etl_control;
      alter table etl_control alter column status drop not null;
      insert into etl_control (started_at, completed_at, status, load_type, triggered_by, watermark_end, rows_extracted, error_message)
      values
        ('2025-01-01', '2025-01-01', 'success', 'full', 'systemd', '2025-01-01', 7, null),
        ('2025-01-02', '2025-01-02', 'success', 'manual', null, '2025-01-02', null, null),
        ('2025-01-03', '2025-01-03', 'partial', null, 'cron', '2025-01-03', 3, null),
        ('2025-01-04', null, 'failed', 'upsert', 'rest-api', null, 0, 'it broke'),
        ('2025-01-05', null, null, 'full', '', null, -1, null)`)
    await migrate({ target: target.url })
    const partly = { status: 'failed', watermark_end: null, error_code: 'INTERRUPTED', error_message: null }
    const whole = { status: 'success', error_code: null, error_message: null }
    expect(await target.query(runs)).toEqual([
      {
        ...whole,
        load_type: 'full',
        triggered_by: 'scheduler',
        watermark_end: '2025-01-01 00:00:00',
        rows_extracted: 7,
      },
      {
        ...whole,
        load_type: 'incremental',
        triggered_by: 'manual',
        watermark_end: '2025-01-02 00:00:00',
        rows_extracted: 0,
      },
      {
        ...partly,
        ...{ load_type: 'incremental', triggered_by: 'scheduler', rows_extracted: 3 },
        ...{ watermark_end: '2025-01-03 00:00:00', error_message: 'Its status was partial.' },
      },
      {
        ...partly,
        load_type: 'incremental',
        triggered_by: 'api',
        rows_extracted: 0,
        error_message: 'it broke',
      },
      { ...partly, load_type: 'full', triggered_by: 'manual', rows_extracted: 0 },
    ])
    expect(await target.query('select count(*)::integer as runs from etl_control_python')).toEqual([
      { runs: 5 },
    ])
  })

  it('with few columns, without ids or with the same ones, and with times and numbers that no run has', async () => {
    await target.query(`
      create table conversas_analytics (conversation_id integer not null);
      create table etl_control (execution_id text, started_at timestamp, status text, watermark_end timestamp, duration_seconds double precision, rows_extracted double precision default 'NaN');
      insert into etl_control
      values
        ('5d4b1f6e-0000-4000-8000-000000000001', '2025-01-01', 'SUCCESS ', '2025-01-01', 1.5),
        ('5d4b1f6e-0000-4000-8000-000000000001', '2025-01-02', 'success', 'infinity', 'NaN'),
        ('run 3', 'infinity', 'success', '2025-01-01', 'infinity'),
        (null, null, 'success', null, 1e12)`)
    await migrate({ target: target.url })
    expect(
      await target.query(`
        select started_at::date::text as day, status, watermark_end::text as at, duration_seconds::text as seconds
        from etl_control
        order by started_at, seconds`),
    ).toEqual([
      { day: '1970-01-01', status: 'success', at: '2025-01-01 00:00:00', seconds: null },
      { day: '1970-01-01', status: 'success', at: null, seconds: null },
      { day: '2025-01-01', status: 'success', at: '2025-01-01 00:00:00', seconds: '1.500' },
      { day: '2025-01-02', status: 'success', at: '2025-01-01 00:00:00', seconds: null },
    ])
  })

  it('beside indexes with names that PostgreSQL chose, which are ours too', async () => {
    await makePythonTarget(target, '2026-01-01')
    await target.query(`
      create index on conversas_analytics (status);
      create index on conversas_analytics (conversation_id);
      create index on etl_control (started_at)`)
    await migrate({ target: target.url })
    const indexes = await target.query<{ name: string }>(
      `select indexname as name from pg_indexes where indexname ~ '(status|started_at|conversation_id)_idx' order by 1`,
    )
    expect(indexes.map(({ name }) => name)).toEqual([
      'conversas_analytics_conversation_id_idx_python',
      'conversas_analytics_status_idx',
      'conversas_analytics_status_idx_python',
      'etl_control_started_at_idx',
      'etl_control_started_at_idx_python',
    ])
  })

  it('and the next run continues where its last good run without a watermark started', async () => {
    await using source = await cloneDatabase('source')
    const [{ watermark } = { watermark: '' }] = await source.query<{ watermark: string }>(
      'select max(updated_at)::text as watermark from conversations',
    )
    await makePythonTarget(target, watermark)
    await target.query(
      `insert into etl_control (started_at, completed_at, status, load_type) values (now() - interval '1 hour', now(), 'success', 'incremental')`,
    )
    await migrate({ target: target.url })
    expect(await target.query('select get_last_successful_watermark()::text as at')).toEqual([
      { at: watermark },
    ])
    const report = await syncConversations({ source: source.url, target: target.url })
    expect(report).toMatchObject({ loadType: 'incremental', reason: null })
    expect(report.warnings).toContainEqual(expect.objectContaining({ code: 'TAKEN_OVER' }))
  })
})

describe('migrate says, when it takes the tables of the Python pipeline over', () => {
  it('what changes, which columns are frozen, which views read the old runs and who needs new rights', async () => {
    await makePythonTarget(target, '2026-01-01')
    await target.query(`
      alter table conversas_analytics add column is_this_month boolean;
      create view "Runs of ours" as select count(*) from etl_control;
      create role "${target.name}" nologin;
      grant select on conversas_analytics, etl_control, vw_etl_stats to "${target.name}"`)
    const { notes } = await migrate({ target: target.url })
    expect(notes).toEqual([
      expect.stringContaining('vw_conversas_analytics_v3'),
      expect.stringContaining('time zone of the account or of the inbox'),
      expect.stringContaining('sync --full'),
      expect.stringMatching(/last Python run: is_today, days_since_creation, is_this_month\. /),
      expect.stringMatching(/etl_control_python, to which none is added: "Runs of ours"\. /),
      expect.stringContaining(`to ${target.name};`),
    ])
    const grant = notes[5]?.slice(notes[5].indexOf('grant')) ?? ''
    await target.query(grant.replace(', vw_conversas_analytics_v3', ''))
    await target.query(`drop owned by "${target.name}"; drop role "${target.name}"`)
    expect((await migrate({ target: target.url })).notes).toEqual([])
  })
})
