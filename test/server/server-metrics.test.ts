import { createRequire } from 'node:module'

import { describe, expect, it } from 'vitest'

import { verifyConversations } from '../../lib/index.js'
import { openRunReader } from '../../lib/server/index.js'
import { metricsText } from '../../lib/server/metrics.js'
import { insertRejects, insertRun } from '../fixtures/health-fixture.js'
import { openServer } from '../fixtures/server-fixture.js'
import { openSync } from '../fixtures/sync-fixture.js'
import { chatwootSize } from '../setup/templates.js'

describe('the metrics', () => {
  it('are those of the control tables, whatever process ran', async () => {
    await using at = await openServer()
    await at.sync()
    await at.source.query(`update conversations set status = 1 - status where id <= 3 and status < 2`)
    const second = await at.sync()
    await at.source.query('drop table messages cascade')
    await at.sync().catch(() => undefined)

    const metrics = parse((await at.ask('metrics')).text)

    const runs = metrics.samples('chatwoot_sync_runs_total')
    expect(runs).toEqual({
      'load_type="full",pipeline="conversations",status="success"': 1,
      'load_type="incremental",pipeline="conversations",status="failed"': 1,
      'load_type="incremental",pipeline="conversations",status="success"': 1,
    })
    expect(metrics.types['chatwoot_sync_runs_total']).toBe('counter')
    const rows = metrics.samples('chatwoot_sync_rows_total')
    expect(rows['outcome="inserted",pipeline="conversations"']).toBe(chatwootSize)
    expect(rows['outcome="updated",pipeline="conversations"']).toBe(second.rowsUpdated)
    const seconds = metrics.samples('chatwoot_sync_run_seconds_total')
    expect(Object.keys(seconds)).toEqual(Object.keys(runs))
    expect(seconds['load_type="incremental",pipeline="conversations",status="success"']).toBeCloseTo(
      second.durationSeconds ?? NaN,
      3,
    )
    expect(metrics.samples('chatwoot_sync_last_run_duration_seconds')).toEqual({
      'load_type="incremental",pipeline="conversations"': expect.any(Number),
    })
    expect(metrics.one('chatwoot_sync_failures_in_row')).toBe(1)
    expect(metrics.one('chatwoot_sync_running')).toBe(0)
    expect(metrics.one('chatwoot_sync_freshness_seconds')).toBeGreaterThan(0)
    expect(metrics.one('chatwoot_sync_lag_seconds')).toBeGreaterThan(
      metrics.one('chatwoot_sync_freshness_seconds') ?? 0,
    )
    expect(metrics.one('chatwoot_sync_last_success_timestamp_seconds')).toBeCloseTo(
      Date.parse(second.completedAt?.replace('+00', 'Z') ?? '') / 1000,
      1,
    )
    const health = metrics.samples('chatwoot_sync_health')
    expect(health['check="failures",pipeline="conversations"']).toBeGreaterThan(0)
    expect(health['check="target",pipeline="conversations"']).toBe(0)
  })

  it('count failures as health does: a run that was stopped on purpose is not one', async () => {
    await using at = await openServer()
    const failures = async () => {
      const { checks } = (await at.ask('api/health')).json
      const [found] = checks.filter(({ name }: { name: string }) => name === 'failures')
      return [(await at.ask('api/stats')).json.failuresInRow, found.value]
    }
    await insertRun(at.target, { status: 'failed', ago: '2 hours' })
    expect(await failures()).toEqual([1, 1])
    await insertRun(at.target, { status: 'failed', error: 'ABORTED' })
    expect(await failures()).toEqual([1, 1])
  })

  it('and the stats show which rows are rejected now, by reason', async () => {
    await using at = await openServer()
    await insertRejects(at.target, ['3', '5'])
    await at.target.query(`update etl_rejects set column_name = 'contact_name' where row_key = '5'`)
    const reason = {
      sqlState: '22001',
      message: 'value too long',
      rows: 1,
      lastRejectedAt: expect.any(String),
    }
    expect((await at.ask('api/stats')).json.rejections).toEqual([
      { ...reason, column: 'contact_name' },
      { ...reason, column: null },
    ])
    expect(parse((await at.ask('metrics')).text).one('chatwoot_sync_rejected_rows')).toBe(2)
  })

  it('show what a comparison found', async () => {
    await using at = await openServer()
    await at.sync()
    await at.target.query('delete from conversas_analytics where conversation_id <= 2')
    await at.target.query('update conversas_analytics set contact_name = $1 where conversation_id = 3', ['?'])
    const found = await verifyConversations({ source: at.source.url, target: at.target.url })
    expect([found.rowsMissing, found.rowsStale]).toEqual([2, 1])
    const metrics = parse((await at.ask('metrics')).text)
    expect(metrics.samples('chatwoot_sync_differences')).toEqual({
      'kind="missing",pipeline="conversations"': 2,
      'kind="stale",pipeline="conversations"': 1,
      'kind="extra",pipeline="conversations"': 0,
      'kind="double",pipeline="conversations"': 0,
    })
    expect(metrics.one('chatwoot_sync_differences_left')).toBe(3)
  })

  it('show each lake, its age, and what it holds', async () => {
    await using at = await openServer()
    await at.target.query(`
      insert into etl_lakes (pipeline, lake, table_name, version, equal_at)
      values ('conversations', '/data/lake', 't', 3, now() - interval '1 hour'), ('conversations', 's3://b', 't', null, null);
      update etl_lakes set failed_at = now(), error_code = 'STORAGE_FAILED', error_message = 'No answer.' where lake = 's3://b';
      insert into etl_lake_months (pipeline, lake, month)
      values ('conversations', '/data/lake', '2026-01'), ('conversations', '/data/lake', '2026-01');
      insert into etl_lake_versions
      select 'conversations', '/data/lake', v, now(), case when v < 4 then now() end, 'rows have changed', '{2026-01}', 1, 1, 1, 1,
        v * 10, v * 1000, 2, 5
      from generate_series(1, 4) v`)
    const { lakes } = (await at.ask('api/stats')).json
    expect(lakes).toEqual([
      {
        ...{ lake: '/data/lake', version: 3, equalAt: expect.any(String), ageSeconds: expect.any(Number) },
        ...{
          rows: 30,
          bytes: 3000,
          files: 2,
          months: 5,
          monthsPending: 1,
          errorCode: null,
          errorMessage: null,
        },
      },
      {
        ...{ lake: 's3://b', version: null, equalAt: null, ageSeconds: expect.any(Number) },
        ...{ rows: null, bytes: null, files: null, months: null, monthsPending: 0 },
        ...{ errorCode: 'STORAGE_FAILED', errorMessage: 'No answer.' },
      },
    ])
    expect(lakes[0].ageSeconds).toBeGreaterThanOrEqual(3600)
    const metrics = parse((await at.ask('metrics')).text)
    expect(metrics.samples('chatwoot_sync_lake_version')).toEqual({
      'lake="/data/lake",pipeline="conversations"': 3,
    })
    expect(metrics.samples('chatwoot_sync_lake_failed')).toEqual({
      'lake="/data/lake",pipeline="conversations"': 0,
      'lake="s3://b",pipeline="conversations"': 1,
    })
  })

  it('stay well-formed whatever a pipeline is called', async () => {
    const pipeline = 'a"} 1\nchatwoot_sync_running{x="\\" # {<b>'
    await using at = await openSync()
    const report = await at.sync({ pipeline })
    await using reader = openRunReader({ target: at.target.url, pipeline })
    const metrics = parse(await metricsText({ stats: await reader.readStats(), health: undefined }))
    expect(Object.values(metrics.samples('chatwoot_sync_running'))).toEqual([0])
    expect(Object.values(metrics.samples('chatwoot_sync_rows_total'))).toContain(report.rowsInserted)
  })

  it('have no sample for what is not known', async () => {
    await using at = await openServer()
    const metrics = parse((await at.ask('metrics')).text)
    expect(metrics.one('chatwoot_sync_target_readable')).toBe(1)
    expect(metrics.one('chatwoot_sync_lag_seconds')).toBeUndefined()
    expect(metrics.samples('chatwoot_sync_differences')).toEqual({})
  })

  it('say so when the target cannot be read', async () => {
    await using at = await openServer({ readStats: () => Promise.reject(new Error('gone')) })
    const { status, text } = await at.ask('metrics')
    expect(status).toBe(200)
    expect(parse(text).one('chatwoot_sync_target_readable')).toBe(0)
  })
})

interface Family {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly metrics: readonly { readonly value: string; readonly labels?: Record<string, string> }[]
}

/** It has no types of its own; throws at a line that the format does not allow. */
const readFamilies: (text: string) => Family[] = createRequire(import.meta.url)(
  'parse-prometheus-text-format',
)

function parse(text: string) {
  const families = readFamilies(text)
  expect(families.filter(({ type, help }) => !/^(COUNTER|GAUGE)$/.test(type) || !help)).toEqual([])
  const labelled = ({ labels = {} }: Family['metrics'][number]) =>
    Object.entries(labels)
      .map(([name, value]) => `${name}="${value}"`)
      .toSorted()
      .join(',')
  const samples = (wanted: string): Record<string, number> => {
    const family = families.find(({ name }) => name === wanted)
    return Object.fromEntries(family?.metrics.map((each) => [labelled(each), Number(each.value)]) ?? [])
  }
  return {
    types: Object.fromEntries(families.map(({ name, type }) => [name, type.toLowerCase()])),
    samples,
    one: (wanted: string): number | undefined => Object.values(samples(wanted))[0],
  }
}
