import pg from 'pg'
import { expect, it, vi } from 'vitest'

import { startVictim } from '../soak/victim-process.js'
import { differences, fullContent, openSync, type SyncFixture } from '../fixtures/sync-fixture.js'
import { chatwootSize } from '../setup/templates.js'
import { waitingLocks } from '../setup/database.js'
import { hasMonths } from '../setup/partitions.js'

/** A fixture after its first run, which alone would wait for the transactions that are open. */
async function openSynced(): Promise<SyncFixture> {
  const fixture = await openSync()
  await fixture.sync()
  return fixture
}

/** Holds a table of the source, so that a run stands still before it reads; `letGo` ends that. */
async function holdSource({ source }: SyncFixture) {
  const client = new pg.Client(source.url)
  await client.connect()
  await client.query('begin; lock table messages in access exclusive mode')
  return { letGo: () => client.end() }
}

async function untilARunWaits({ source }: SyncFixture, runs = 1): Promise<void> {
  await vi.waitFor(async () => expect(await source.query(waitingLocks)).toHaveLength(runs), {
    timeout: 120_000,
  })
}

async function terminateRun({ target }: SyncFixture): Promise<void> {
  const ended = await target.query(
    `select pg_terminate_backend(pid, 10000) as ended
     from pg_stat_activity
     where datname = current_database() and application_name = 'chatwoot-sync'`,
  )
  expect(ended).toEqual([{ ended: true }])
}

async function stampAll({ source }: SyncFixture): Promise<void> {
  await source.query(`update conversations set status = 2, updated_at = clock_timestamp() at time zone 'UTC'`)
}

const control = ({ target }: SyncFixture) =>
  target.query('select status, error_code, rows_extracted from etl_control order by started_at')

it('refuses a second run of the pipeline, which leaves no row', async () => {
  await using at = await openSynced()
  const { letGo } = await holdSource(at)
  const first = at.sync()
  await untilARunWaits(at)

  await expect(at.sync()).rejects.toMatchObject({ code: 'LOCKED', details: { pipeline: 'conversations' } })
  await letGo()

  expect(await first).toMatchObject({ status: 'success' })
  expect(await control(at)).toHaveLength(2)
  expect(await at.sync()).toMatchObject({ loadType: 'incremental', reason: null })
})

// `like` copies no partitions, and the key of each month is not one of the whole.
it.skipIf(hasMonths)('lets runs of other pipelines and other databases go on', async () => {
  await using at = await openSynced()
  await using other = await openSynced()
  await at.target.query('create table other_table (like conversas_analytics including all)')
  const own = { pipeline: 'other', table: 'other_table' }
  await at.sync(own)
  const { letGo } = await holdSource(at)
  const first = at.sync()
  await untilARunWaits(at)

  expect(await other.sync()).toMatchObject({ status: 'success' })
  const second = at.sync({ ...own, loadType: 'full' })
  await untilARunWaits(at, 2)
  await letGo()

  expect(await Promise.all([first, second])).toMatchObject([{ status: 'success' }, { status: 'success' }])
})

it('refuses a second run in another process', async () => {
  await using at = await openSynced()
  await using other = startVictim()
  const { letGo } = await holdSource(at)
  const first = at.sync()
  await untilARunWaits(at)

  await other.run({ source: at.source.url, target: at.target.url })

  expect(await other.ended()).toEqual({ code: 'LOCKED' })
  await letGo()
  expect(await first).toMatchObject({ status: 'success' })
})

it.each(['full', 'incremental'] as const)(
  'commits nothing of a run (%s) whose connection with the lock was ended',
  async (loadType) => {
    await using at = await openSynced()
    const runs = await control(at)
    await stampAll(at)
    const { letGo } = await holdSource(at)
    const cutOff = at.sync({ loadType }).catch((error: unknown) => error)
    await untilARunWaits(at)
    const before = await fullContent(at.target)
    await terminateRun(at)
    await letGo()

    expect(await cutOff).toMatchObject({
      code: expect.stringMatching(/^(TARGET_UNREACHABLE|TARGET_FAILED|LOCK_LOST)$/),
    })

    expect(await fullContent(at.target)).toEqual(before)
    expect(await at.sync({ loadType })).toMatchObject({ status: 'success' })
    expect(await control(at)).toEqual([
      ...runs,
      { status: 'failed', error_code: 'INTERRUPTED', rows_extracted: 0 },
      { status: 'success', error_code: null, rows_extracted: chatwootSize },
    ])
    expect(await differences(at)).toEqual([])
  },
)

it('takes over from a run whose connection was ended, while that one still waits for the source', async () => {
  await using at = await openSynced()
  await stampAll(at)
  const { letGo } = await holdSource(at)
  const cutOff = at.sync().catch((error: unknown) => error)
  await untilARunWaits(at)
  await terminateRun(at)
  const second = at.sync()
  await untilARunWaits(at, 2)

  await letGo()

  expect(await second).toMatchObject({ status: 'success', rowsUpdated: chatwootSize })
  expect(await cutOff).toMatchObject({ name: 'SyncError' })
  expect(await control(at)).toMatchObject([
    { status: 'success' },
    { error_code: 'INTERRUPTED' },
    { status: 'success' },
  ])
  expect(await differences(at)).toEqual([])
})

it('commits nothing once its row was closed by someone else', async () => {
  await using at = await openSynced()
  const { letGo } = await holdSource(at)
  const run = at.sync().catch((error: unknown) => error)
  await untilARunWaits(at)
  await at.target.query(
    `update etl_control set status = 'failed', error_code = 'INTERRUPTED', completed_at = now() where status = 'running'`,
  )
  const before = await fullContent(at.target)
  await letGo()

  expect(await run).toMatchObject({ code: 'LOCK_LOST' })
  expect(await fullContent(at.target)).toEqual(before)
})
