import pg from 'pg'
import { expect, it, vi } from 'vitest'

import { insertConversation, openSmallSync, type SyncFixture } from '../fixtures/sync-fixture.js'

const running = `insert into etl_control (pipeline, load_type, status) values ($1, 'full', 'running')`

/** A run that stands still before it loads its first batch, until `go` is called. */
async function hold({ sync, target }: SyncFixture) {
  const blocker = new pg.Client(target.url)
  await blocker.connect()
  await blocker.query('begin; lock table conversas_analytics in share mode')
  const run = sync()
  await vi.waitFor(async () => {
    const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    expect(await target.query(waiting)).toHaveLength(1)
  }, 120_000)
  return { run, go: () => blocker.end() }
}

it('gives the report that the control table holds', async () => {
  await using at = await openSmallSync()
  await insertConversation(at.source)

  const report = await at.sync({ triggeredBy: 'scheduler', pipeline: 'nightly' })

  const { connect = 0, probe = 0, extract = 0, load = 0 } = report.phases
  expect(Math.min(connect, probe, extract, load)).toBeGreaterThan(0)
  const [row] = await at.target.query(
    `select *, started_at::text, watermark_end::text, duration_seconds::float8 from etl_control`,
  )
  expect(row).toMatchObject({
    execution_id: report.executionId,
    pipeline: 'nightly',
    status: 'success',
    load_type: 'full',
    triggered_by: 'scheduler',
    reason: report.reason,
    started_at: report.startedAt,
    watermark_end: report.watermarkEnd,
    duration_seconds: report.durationSeconds,
    rows_extracted: 1,
    rows_inserted: 1,
    phases: report.phases,
    warnings: report.warnings,
    error_code: null,
    resume_key: null,
  })
  expect(await at.target.query('select get_last_successful_watermark($1)::text as at', ['nightly'])).toEqual([
    { at: report.watermarkEnd },
  ])
})

it('keeps the state in the last good run only', async () => {
  await using at = await openSmallSync()
  for (let i = 0; i < 3; i++) await at.sync()
  const states = 'select state is not null as kept from etl_control order by started_at'
  expect((await at.target.query(states)).map(({ kept }) => kept)).toEqual([false, false, true])
})

it('closes a run that died as interrupted, and lets other pipelines be', async () => {
  await using at = await openSmallSync()
  await at.target.query(running, ['conversations'])
  await at.target.query(running, ['other'])

  await at.sync()

  const runs = await at.target.query(
    'select pipeline, status, error_code, completed_at is not null as closed from etl_control order by started_at',
  )
  expect(runs).toEqual([
    { pipeline: 'conversations', status: 'failed', error_code: 'INTERRUPTED', closed: true },
    { pipeline: 'other', status: 'running', error_code: null, closed: false },
    { pipeline: 'conversations', status: 'success', error_code: null, closed: true },
  ])
})

it('lets one run of a pipeline work at a time', async () => {
  await using at = await openSmallSync()
  await insertConversation(at.source)
  const { run, go } = await hold(at)

  await expect(at.sync()).rejects.toMatchObject({ code: 'LOCKED', details: { pipeline: 'conversations' } })
  await expect(at.target.query(running, ['conversations'])).rejects.toThrow('etl_control_one_running_idx')
  await go()

  expect(await run).toMatchObject({ status: 'success', rowsInserted: 1 })
  expect(await at.target.query('select from etl_control')).toHaveLength(1)
})

it('lets runs of different pipelines work at once', async () => {
  await using at = await openSmallSync()
  const reports = await Promise.all(['a', 'b', 'c'].map((pipeline) => at.sync({ pipeline })))
  expect(reports.map(({ status }) => status)).toEqual(['success', 'success', 'success'])
})

it('writes nothing more once another run has taken over', async () => {
  await using at = await openSmallSync()
  await insertConversation(at.source)
  const { run, go } = await hold(at)
  const failed = expect(run).rejects.toMatchObject({ code: 'LOCK_LOST' })
  await at.target.query(
    `update etl_control set status = 'failed', error_code = 'INTERRUPTED', completed_at = now()`,
  )
  await go()
  await failed
  expect(await at.target.query('select from conversas_analytics')).toEqual([])
})

it('closes a failed run with its code, and without secrets and personal data', async () => {
  await using at = await openSmallSync()
  await insertConversation(at.source, { cached_label_list: 'segredo-do-cliente' })
  await at.target.query(`alter table conversas_analytics add constraint no_labels check (labels = '{}')`)
  await at.source.query(`create role reader_${at.source.name} login password 'tr0ub4dor-pass' superuser`)
  const url = new URL(at.source.url)
  url.username = `reader_${at.source.name}`
  url.password = 'tr0ub4dor-pass'

  const refused = at.sync({ source: url.href, maxRejects: 0 })
  await expect(refused).rejects.toMatchObject({ code: 'TOO_MANY_REJECTS' })
  const misplaced = at.sync({ source: url.href, table: '"tr0ub4dor-pass"' })
  await expect(misplaced).rejects.toMatchObject({ code: 'TARGET_NOT_MIGRATED' })

  const [row, other] = await at.target.query(
    'select *, c::text as whole from etl_control c order by started_at',
  )
  expect(row).toMatchObject({
    status: 'failed',
    error_code: 'TOO_MANY_REJECTS',
    rows_extracted: 0,
    resume_key: null,
  })
  expect(row?.['error_message']).toContain('no_labels')
  expect(row?.['error_traceback']).toContain('SyncError')
  expect(other).toMatchObject({ error_code: 'TARGET_NOT_MIGRATED' })
  for (const each of [row, other]) expect(each?.['whole']).not.toMatch(/tr0ub4dor|segredo/)
  await at.source.query(`drop role reader_${at.source.name}`)
})

it.each([
  ['SOURCE_UNREACHABLE', { port: '1' }],
  ['SOURCE_DATABASE_MISSING', { pathname: '/nowhere' }],
] as const)('leaves a failed row for %s', async (code, spoiled) => {
  await using at = await openSmallSync()
  const url = Object.assign(new URL(at.source.url), spoiled)
  await expect(at.sync({ source: url.href })).rejects.toMatchObject({ code })
  expect(await at.target.query('select status, error_code from etl_control')).toEqual([
    { status: 'failed', error_code: code },
  ])
})

it('refuses a target that is not migrated, and a table that lacks a column', async () => {
  await using at = await openSmallSync()
  await at.target.query('alter table conversas_analytics drop column labels cascade')
  await expect(at.sync()).rejects.toMatchObject({
    code: 'TARGET_COLUMN_MISSING',
    message: expect.stringContaining('labels'),
  })
  await expect(at.sync({ table: 'nowhere' })).rejects.toMatchObject({
    code: 'TARGET_NOT_MIGRATED',
    remedy: 'Create it, or correct its name (--table).',
  })
  await at.target.query('drop table etl_control cascade')
  await expect(at.sync()).rejects.toMatchObject({ code: 'TARGET_NOT_MIGRATED' })
})

it('refuses a source that is no Chatwoot', async () => {
  await using at = await openSmallSync()
  await at.source.query('drop table conversations')
  await expect(at.sync()).rejects.toMatchObject({ code: 'RELATION_MISSING' })
  const [row] = await at.target.query('select error_code from etl_control')
  expect(row).toEqual({ error_code: 'RELATION_MISSING' })
})
