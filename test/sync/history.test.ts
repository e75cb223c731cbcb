import { randomBytes } from 'node:crypto'

import { expect, it } from 'vitest'

import { diagnose } from '../../lib/operations/doctor/diagnose.js'
import { openRunReader } from '../../lib/server/run-reader.js'
import { readHealth } from '../../lib/postgres/control/health.js'
import { openSession } from '../../lib/postgres/driver/connect.js'
import { openSmallSync, type SyncFixture } from '../fixtures/sync-fixture.js'
import { targetServer, type TestDatabase } from '../setup/database.js'

const day = 86_400_000

/** Closed runs of these ages in days; further columns as SQL. */
async function insertRuns(
  { target }: SyncFixture,
  ages: readonly number[],
  more: Record<string, string> = {},
) {
  const columns = { status: `'success'`, load_type: `'incremental'`, ...more }
  await target.query(
    `insert into etl_control (started_at, completed_at, duration_seconds, rows_extracted, rows_updated, ${Object.keys(columns).join(', ')})
     select now() - age * interval '1 day', now() - age * interval '1 day', 2, 3, 3, ${Object.values(columns).join(', ')}
     from unnest($1::double precision[]) age`,
    [[...ages]],
  )
}

/** Ages in whole days, the oldest first. */
async function agesOf({ query }: TestDatabase, table: string): Promise<number[]> {
  const rows = await query<{ age: number }>(
    `select round(extract(epoch from now() - ${table === 'etl_alerts' ? 'opened_at' : 'started_at'}) / 86400)::integer as age
     from ${table} order by 1 desc`,
  )
  return rows.map(({ age }) => age)
}

const insertVerification = ({ target }: SyncFixture, age: number, sample = 1) =>
  target.query(
    `insert into etl_verification (started_at, completed_at, duration_seconds, sample, rows_compared, rows_missing, rows_stale, rows_extra, rows_silent, rows_pending)
     select now() - $1 * interval '1 day', now(), 1, $2, 1, 0, 1, 0, 0, 0`,
    [age, sample],
  )

it('removes runs that are older than they are kept, and counts them on', async () => {
  await using at = await openSmallSync()
  await at.sync()
  await insertRuns(at, [500, 450, 401, 399, 10])
  await insertRuns(at, [480], { status: `'failed'`, error_code: `'ABORTED'` })
  await using reader = openRunReader({ target: at.target.url })
  const before = await reader.readStats()

  await at.sync()

  expect(await agesOf(at.target, 'etl_control')).toEqual([399, 10, 0, 0])
  const after = await reader.readStats()
  const runs = (stats: typeof before) => stats.runTotals.reduce((sum, total) => sum + total.runs, 0)
  const seconds = (stats: typeof before) => stats.runTotals.reduce((sum, total) => sum + total.seconds, 0)
  expect(runs(after)).toBe(runs(before) + 1)
  expect(seconds(after)).toBeGreaterThanOrEqual(seconds(before))
  expect(after.rowTotals.updated).toBe(before.rowTotals.updated)
  const trimmed = await at.target.query('select status, runs::integer from etl_trimmed_runs order by status')
  expect(trimmed).toEqual([
    { status: 'failed', runs: 1 },
    { status: 'success', runs: 3 },
  ])
  await at.sync({ keepHistory: 300 * day })
  expect(await agesOf(at.target, 'etl_control')).toEqual([10, 0, 0, 0])
})

it('keeps whatever the next run, health and the views need, however old', async () => {
  await using at = await openSmallSync()
  await insertRuns(at, [900], { load_type: `'full'`, state: `'{}'`, fingerprint: `'of then'` })
  await insertRuns(at, [890])
  await insertRuns(at, [880], { warnings: `'[{"code": "MARGIN_USED_UP", "message": "m"}]'` })
  await insertRuns(at, [870], { status: `'failed'`, error_code: `'ABORTED'`, resume_key: `'7'` })
  await insertRuns(at, [860], { status: `'failed'`, error_code: `'ABORTED'`, resume_key: `'9'` })
  await insertRuns(at, [850], { status: `'failed'`, error_code: `'ABORTED'` })
  await insertVerification(at, 895)
  await insertVerification(at, 885, 0.1)
  const health = async () => {
    await using session = await openSession('target', at.target.url, {
      applicationName: 't',
      connectTimeout: 0,
    })
    return (await readHealth(session, { pipeline: 'conversations' })).map(({ outcome, name }) => [
      name,
      outcome,
    ])
  }
  const healthBefore = await health()
  const trim = `select etl_trim_history('conversations', interval '400 days', 100) as trimmed`

  // Nothing but the run between the last full load and the last good run.
  expect(await at.target.query(trim)).toEqual([{ trimmed: 1 }])
  expect(await agesOf(at.target, 'etl_control')).toEqual([900, 880, 870, 860, 850])
  expect(await agesOf(at.target, 'etl_verification')).toEqual([895, 885])
  expect(await health()).toEqual(healthBefore)

  await insertRuns(at, [800])
  expect(await at.target.query(trim)).toEqual([{ trimmed: 3 }])
  expect(await agesOf(at.target, 'etl_control')).toEqual([900, 880, 800])
})

it('removes comparisons and closed alerts alike, and no open one', async () => {
  await using at = await openSmallSync()
  await insertRuns(at, [500, 450], { load_type: `'full'` })
  await at.sync()
  await insertVerification(at, 480)
  await insertVerification(at, 440)
  await insertVerification(at, 3)
  await at.target.query(
    `insert into etl_alerts (kind, severity, message, opened_at, closed_at)
     select kind, 'warning', 'm', now() - interval '500 days', now() - age * interval '1 day'
     from (values ('failure', 490), ('staleness', 30), ('margin', null)) v (kind, age)`,
  )

  await at.sync()

  expect(await agesOf(at.target, 'etl_verification')).toEqual([3])
  const alerts = await at.target.query('select kind from etl_alerts order by kind')
  expect(alerts).toEqual([{ kind: 'margin' }, { kind: 'staleness' }])
})

it('removes a portion at a time, nothing of another pipeline, and nothing at all where history is kept for ever', async () => {
  await using at = await openSmallSync()
  await at.sync()
  await insertRuns(at, [500])
  await insertRuns(at, [500], { pipeline: `'other'` })
  await at.sync({ keepHistory: 0 })
  expect(await agesOf(at.target, 'etl_control')).toEqual([500, 500, 0, 0])

  await insertRuns(
    at,
    Array.from({ length: 310 }, (_, index) => 410 + index / 1000),
  )
  await at.sync()
  expect(await agesOf(at.target, 'etl_control')).toHaveLength(311 + 1 + 3 - 300)
  await at.sync()
  expect(await agesOf(at.target, 'etl_control')).toEqual([500, 0, 0, 0, 0])
})

it('runs where it may not remove anything, which the doctor tells', async () => {
  await using at = await openSmallSync()
  const role = `keeper_${randomBytes(6).toString('hex')}`
  await at.target.query(`create role ${role} login password 'x'`)
  try {
    await at.target.query(`grant usage on schema public to ${role}`)
    await at.target.query(`grant select, insert, update on all tables in schema public to ${role}`)
    const target = new URL(targetServer())
    Object.assign(target, { pathname: `/${at.target.name}`, username: role, password: 'x' })
    await at.sync()
    await insertRuns(at, [500])

    await at.sync({ target: target.href })

    expect(await agesOf(at.target, 'etl_control')).toEqual([500, 0, 0])
    const { checks } = await diagnose({ source: at.source.url, target: target.href })
    expect(checks.filter(({ name }) => name === 'target-history')).toMatchObject([
      { outcome: 'warning', remedy: expect.stringContaining(`to ${role};`) },
    ])
  } finally {
    await at.target.query(`drop owned by ${role}`)
    await at.target.query(`drop role ${role}`)
  }
})
