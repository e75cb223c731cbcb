import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { checkHealth, verifyConversations, type HealthOptions } from '../../lib/index.js'
import { insertRejects, insertRun, type Run } from '../fixtures/health-fixture.js'
import { cloneDatabase, type TestDatabase } from '../setup/database.js'
import { insertConversation, openSmallSync, readTexts } from '../fixtures/sync-fixture.js'

async function check(target: TestDatabase, name: string, options: Partial<HealthOptions> = {}) {
  const { checks, ...report } = await checkHealth({ target: target.url, ...options })
  return { ...report, ...checks.find((each) => each.name === name), overall: report.outcome }
}

describe('health of the runs', () => {
  it('is ok after a successful run, and the view shows the same as the function', async () => {
    await using target = await cloneDatabase('target')
    await insertRun(target, { load: 'full' })
    const { healthy, outcome, checks } = await checkHealth({ target: target.url })
    expect({ healthy, outcome }).toEqual({ healthy: true, outcome: 'ok' })
    expect(checks.map(({ name }) => name).sort()).toEqual([
      'deleted-rows',
      'differences',
      'failures',
      'last-success',
      'margin',
      'rejected-rows',
      'running-run',
      'scan-lag',
      'target',
      'watermark-lag',
    ])
    expect(checks.every(({ remedy }) => remedy === null)).toBe(true)
    const rows = await target.query('select check_name as name, outcome, unit from vw_etl_health order by 1')
    const ofDatabase = checks.filter(({ name }) => name !== 'target')
    const shown = ofDatabase.map(({ name, outcome: found, unit }) => ({ name, outcome: found, unit }))
    expect(rows).toEqual(shown.sort((one, other) => (one.name < other.name ? -1 : 1)))
  })

  it.each<[string, Run[], string, string, number]>([
    ['within the day', [{ ago: '25 hours' }], 'last-success', 'ok', 90_720],
    ['over a day', [{ ago: '26 hours' }], 'last-success', 'warning', 90_720],
    ['with a night missed', [{ ago: '27 hours' }], 'last-success', 'critical', 90_720],
    ['whose last run failed', [{ ago: '2 hours' }, { status: 'failed' }], 'failures', 'warning', 0],
    [
      'that was stopped on purpose',
      [{ ago: '2 hours' }, { status: 'failed', error: 'ABORTED' }],
      'failures',
      'ok',
      0,
    ],
    ['that never succeeded', [{ status: 'failed', ago: '30 hours' }], 'last-success', 'critical', 90_720],
    ['with a margin half used', [{ warning: 'MARGIN_HALF_USED', margin: 40 }], 'margin', 'warning', 30],
    ['with a margin used up', [{ warning: 'MARGIN_USED_UP', margin: 61 }], 'margin', 'critical', 30],
    ['read long ago', [{ ago: '80 hours' }], 'watermark-lag', 'critical', 181_440],
    ['scanned two days ago', [{ ago: '1 hour', scanned: '2 days' }], 'scan-lag', 'ok', 203_040],
    ['scanned three days ago', [{ ago: '1 hour', scanned: '3 days' }], 'scan-lag', 'warning', 203_040],
    ['scanned five days ago', [{ ago: '1 hour', scanned: '5 days' }], 'scan-lag', 'critical', 203_040],
    ['scanned long ago, but read', [{ ago: '1 hour', scanned: '5 days' }], 'watermark-lag', 'ok', 181_440],
    ['whose run died', [{ ago: '2 hours' }, { status: 'running' }], 'running-run', 'warning', 10_800],
    [
      'with three failures',
      [
        { ago: '4 hours' },
        { status: 'failed', ago: '3 hours' },
        { status: 'failed', ago: '2 hours' },
        { status: 'failed' },
      ],
      'failures',
      'critical',
      0,
    ],
  ])('%s', async (_title, runs, name, outcome, limit) => {
    await using target = await cloneDatabase('target')
    for (const run of runs) await insertRun(target, run)
    const found = await check(target, name)
    expect(found).toMatchObject({ outcome, limit, healthy: found.overall !== 'critical' })
    expect(found.remedy === null).toBe(outcome === 'ok')
    const [row] = await target.query(
      `select outcome, warning_limit::float8, value::float8 from vw_etl_health where pipeline = 'conversations' and check_name = $1`,
      [name],
    )
    expect(row).toMatchObject({ outcome, warning_limit: limit })
    // Both look at a clock of their own.
    expect(Math.abs(Number(row?.['value']) - (found.value ?? NaN))).toBeLessThan(60)
  })

  it('is critical while there was no run at all, also in the view', async () => {
    await using target = await cloneDatabase('target')
    expect(await check(target, 'last-success')).toMatchObject({
      outcome: 'critical',
      value: null,
      message: 'There has been no run yet.',
    })
    const rows = await target.query(
      `select pipeline, outcome from vw_etl_health where check_name = 'last-success'`,
    )
    expect(rows).toEqual([{ pipeline: 'conversations', outcome: 'critical' }])
  })

  it('goes by the interval that is given, else by the setting of the database, else by a day', async () => {
    await using target = await cloneDatabase('target')
    await insertRun(target, { ago: '2 hours' })
    const outcomes = async () => {
      const given = await check(target, 'last-success', { expectedInterval: 3_600_000 })
      const [row] = await target.query(`select outcome from vw_etl_health where check_name = 'last-success'`)
      return [given.outcome, (await check(target, 'last-success')).outcome, row?.['outcome']]
    }
    expect(await outcomes()).toEqual(['critical', 'ok', 'ok'])
    await target.query(`alter database ${target.name} set chatwoot_sync.expected_interval = '1 hour'`)
    // The setting holds for sessions that begin after it.
    const [row] = await readTexts(
      target,
      `select outcome from vw_etl_health where check_name = 'last-success'`,
    )
    expect([(await check(target, 'last-success')).outcome, row?.[0]]).toEqual(['critical', 'critical'])
  })

  it('distinguishes a run that takes too long from one that died', async () => {
    await using target = await cloneDatabase('target')
    await insertRun(target, { ago: '9 hours' })
    await insertRun(target, { status: 'running', ago: '7 hours' })
    const dead = await check(target, 'running-run')
    expect(dead).toMatchObject({
      outcome: 'warning',
      message: expect.stringContaining('died without closing'),
    })
    const lock = `select pg_advisory_lock(hashtextextended('chatwoot-sync run conversations', 0))`
    const holder = await target.pool.connect()
    await holder.query(lock)
    const stuck = await check(target, 'running-run')
    expect(stuck).toMatchObject({ outcome: 'critical', message: 'A run has been in progress for 7 h.' })
    expect(await check(target, 'running-run', { stuckAfter: 36_000_000 })).toMatchObject({
      outcome: 'warning',
    })
    holder.release(true)
  })

  it('counts the rows that are rejected now, each once however many runs have tried it', async () => {
    await using target = await cloneDatabase('target')
    await insertRun(target, {})
    await insertRejects(target, ['3', '5'])
    const found = await check(target, 'rejected-rows')
    expect(found).toMatchObject({ outcome: 'warning', value: 2, limit: 0, healthy: true })
    expect(found.remedy).toContain('chatwoot-sync rejects')
    await target.query('delete from etl_rejects')
    expect(await check(target, 'rejected-rows')).toMatchObject({ outcome: 'ok', value: 0 })
  })

  it('shows what verify found, until it is repaired', async () => {
    await using at = await openSmallSync()
    const ids = [await insertConversation(at.source), await insertConversation(at.source)]
    await at.sync()
    await at.source.query('update conversations set snoozed_until = now() where id = $1', [ids[0]])
    const options = { source: at.source.url, target: at.target.url }
    await verifyConversations(options)
    expect(await check(at.target, 'differences')).toMatchObject({ outcome: 'critical', value: 1 })
    await verifyConversations({ ...options, repair: true })
    expect(await check(at.target, 'differences')).toMatchObject({ outcome: 'ok', value: 0 })
  })
})

describe('health of the surroundings', () => {
  it('reports a server that cannot be reached, and says what to do', async () => {
    await using target = await cloneDatabase('target')
    await insertRun(target, {})
    const source = 'postgres://nobody:hidden-secret@127.0.0.1:1/none'
    const report = await checkHealth({ target: target.url, source })
    const found = report.checks.find(({ name }) => name === 'source')
    expect(report.healthy).toBe(false)
    expect(found).toMatchObject({
      outcome: 'critical',
      value: null,
      remedy: 'Check host, port, firewall and TLS.',
    })
    expect(found?.message).toContain('(SOURCE_UNREACHABLE)')
    expect(JSON.stringify(report)).not.toContain('hidden-secret')
  })

  it('reports a target that was not migrated', async () => {
    await using target = await cloneDatabase('target', 'template1')
    expect(await check(target, 'target')).toMatchObject({
      outcome: 'critical',
      message: expect.stringContaining('TARGET_NOT_MIGRATED'),
      remedy: 'Run chatwoot-sync migrate.',
    })
  })

  it('speaks Portuguese where that is asked for', async () => {
    await using target = await cloneDatabase('target')
    await insertRun(target, { status: 'failed' })
    const directory = await mkdtemp(join(tmpdir(), 'health-logs-'))
    const source = 'postgres://nobody@127.0.0.1:1/none'
    const textsIn = async (language: 'en' | 'pt-BR') => {
      const options = { target: target.url, source, language, logDirectory: directory }
      const { checks } = await checkHealth(options)
      return checks.flatMap(({ message, remedy }) => [message, remedy ?? ''])
    }
    const [english, portuguese] = [await textsIn('en'), await textsIn('pt-BR')]
    expect(portuguese).toContain('Não é possível usar a origem (SOURCE_UNREACHABLE).')
    expect(portuguese.filter((text) => text !== '' && english.includes(text))).toEqual([])
    await rm(directory, { recursive: true })
  })

  it('measures the disk of the logs', async () => {
    await using target = await cloneDatabase('target')
    const directory = await mkdtemp(join(tmpdir(), 'health-logs-'))
    await writeFile(join(directory, 'etl_20261124.log'), 'x'.repeat(5000))
    const found = await check(target, 'log-disk', { logDirectory: directory })
    expect(found).toMatchObject({
      unit: 'share',
      limit: 0.9,
      message: expect.stringMatching(/they take 5 KiB\.$/),
    })
    expect(found.value).toBeGreaterThan(0)
    await rm(directory, { recursive: true })
    expect(await check(target, 'log-disk', { logDirectory: directory })).toMatchObject({
      outcome: 'ok',
      value: null,
    })
  })

  it('rejects an interval that is not above 0', async () => {
    const wrong = checkHealth({ target: 'postgres://localhost', expectedInterval: -1 })
    await expect(wrong).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })
})
