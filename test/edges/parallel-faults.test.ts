import { Kysely, PostgresDialect } from 'kysely'
import { expect, it } from 'vitest'

import type { SyncReport } from '../../lib/domain/report.js'
import type { SyncOptions } from '../../lib/options.js'
import { differences, openSync } from '../fixtures/sync-fixture.js'
import { openPool } from '../setup/pool.js'
import { chatwootSize } from '../setup/templates.js'

const load = { parallel: 4, batchSize: 5 } satisfies Partial<SyncOptions>

/** So slow that all connections are still reading when the first batch is committed. */
const slowly = { ...load, maxRowsPerSecond: 100 }

const reducedIn = ({ warnings }: SyncReport) =>
  warnings.filter(({ code }) => code === 'PARALLEL_REDUCED').map(({ message }) => message)

/** Ends one of the connections of a run, chosen by an order of them. */
const endOne = (order: string) => `
  select pg_terminate_backend(pid)
  from (
    select pid
    from pg_stat_activity
    where datname = current_database() and application_name = 'chatwoot-sync'
    order by ${order}
    limit 1
  ) one`

it.each(['source', 'target'] as const)(
  'goes on after one of the connections to the %s was cut, and reads nothing of the others again',
  async (side) => {
    await using at = await openSync()
    let cut: Promise<unknown> | undefined
    // The newest one is not that which holds the lock.
    const onProgress = () => void (cut ??= at[side].query(endOne('backend_start desc')))
    const report = await at.sync({ ...slowly, onProgress, retryBudget: 60_000 })
    await cut
    expect(report).toMatchObject({ status: 'success', rowsInserted: chatwootSize, rowsUpdated: 0 })
    expect(report.rowsExtracted).toBe(chatwootSize)
    expect(report.warnings.map(({ code }) => code)).toContain('RETRIED')
    expect(await differences(at)).toEqual([])
  },
)

it('goes on after the connection that holds the lock was cut', async () => {
  await using at = await openSync()
  let cut: Promise<unknown> | undefined
  const onProgress = () => void (cut ??= at.target.query(endOne('backend_start')))
  const report = await at.sync({ ...slowly, onProgress, retryBudget: 60_000 })
  await cut
  expect(report).toMatchObject({ status: 'success', rowsExtracted: chatwootSize, rowsInserted: chatwootSize })
  expect(await differences(at)).toEqual([])
})

it('commits nothing more over any connection once another run has taken over', async () => {
  await using at = await openSync()
  let taking: Promise<unknown> | undefined
  // As the next run closes the row of one that seems to have died.
  const takeOver = `
    update etl_control
    set status = 'failed', completed_at = clock_timestamp(), error_code = 'INTERRUPTED'`
  const onProgress = () => void (taking ??= at.target.query(takeOver))
  await expect(at.sync({ ...slowly, onProgress })).rejects.toMatchObject({ code: 'LOCK_LOST' })
  await taking
  const [row] = await at.target.query(
    'select rows_extracted, (select count(*)::integer from conversas_analytics) as held from etl_control',
  )
  expect(row?.['rows_extracted']).toBe(row?.['held'])
  expect(row?.['held']).toBeLessThan(chatwootSize)
})

it('lets no connection of an earlier attempt record anything', async () => {
  await using at = await openSync()
  let starting: Promise<unknown> | undefined
  // As the next attempt does before it reads.
  const startAgain = `update etl_control set state = jsonb_set(state, '{ranges,token}', '"another"')`
  const onProgress = () => void (starting ??= at.target.query(startAgain))
  await expect(at.sync({ ...slowly, onProgress })).rejects.toMatchObject({ code: 'LOCK_LOST' })
  await starting
  await at.sync(load)
  const [row] = await at.target.query('select sum(rows_extracted)::integer as extracted from etl_control')
  expect(row).toEqual({ extracted: chatwootSize })
  expect(await differences(at)).toEqual([])
})

it.each([1, 2, 6])('is stopped by its signal, and resumed over %i connections', async (parallel) => {
  await using at = await openSync()
  const stop = new AbortController()
  const onProgress = ({ rowsExtracted }: { rowsExtracted: number }) => rowsExtracted >= 40 && stop.abort()
  const stopped = at.sync({ ...load, signal: stop.signal, onProgress })
  await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' })
  const [failed] = await at.target.query(
    'select execution_id, rows_extracted, (select count(*)::integer from conversas_analytics) as held from etl_control',
  )
  expect(failed?.['rows_extracted']).toBe(failed?.['held'])

  const resumed = await at.sync({ ...load, parallel })

  expect(resumed.reason).toBe(`resumes the full load of run ${String(failed?.['execution_id'])}`)
  expect(resumed.rowsExtracted).toBe(chatwootSize - Number(failed?.['held']))
  expect(await differences(at)).toEqual([])
})

it('says why where the snapshot cannot be exported, and loads over one connection', async () => {
  await using at = await openSync()
  const source = new URL(at.source.url)
  const role = `without_export_${at.source.name}`
  await at.source.query(`
    create role ${role} login password 'x';
    grant usage on schema public to ${role};
    grant select on all tables in schema public to ${role};
    revoke execute on function pg_export_snapshot() from public`)
  try {
    Object.assign(source, { username: role, password: 'x' })
    const report = await at.sync({ ...load, source: source.href })
    expect(report.rowsInserted).toBe(chatwootSize)
    expect(reducedIn(report)).toEqual([
      expect.stringMatching(/over 1 connection .* instead of 4: .*pg_export_snapshot/),
    ])
    await at.source.query('grant execute on function pg_export_snapshot() to public')
    // SELECT is enough.
    expect(reducedIn(await at.sync({ ...load, source: source.href, loadType: 'full' }))).toEqual([])
  } finally {
    await at.source.query(`drop owned by ${role}; drop role ${role}`)
  }
})

it('takes as many connections as the role may have', async () => {
  await using at = await openSync()
  const source = new URL(at.source.url)
  const role = `of_two_${at.source.name}`
  await at.source.query(`create role ${role} superuser login password 'x' connection limit 2`)
  await at.source.query(`alter role ${role} nosuperuser; grant pg_read_all_data to ${role}`)
  try {
    Object.assign(source, { username: role, password: 'x' })
    const report = await at.sync({ ...load, source: source.href })
    expect(report.rowsInserted).toBe(chatwootSize)
    expect(reducedIn(report)).toEqual([
      expect.stringMatching(/over 2 connections .* instead of 4: .*too many/),
    ])
  } finally {
    await at.source.query(`drop owned by ${role}; drop role ${role}`)
  }
})

it('takes no more connections than a pool has to spare', async () => {
  await using at = await openSync()
  const pool = openPool({ connectionString: at.source.url, max: 3 })
  const report = await at.sync({ ...load, source: pool })
  expect(report.rowsInserted).toBe(chatwootSize)
  expect(reducedIn(report)).toEqual([
    'Loaded over 3 connections to each side instead of 4: a pool has no more connections to spare.',
  ])
  expect([pool.totalCount, pool.waitingCount]).toEqual([0, 0])
  await pool.end()
})

it('loads over several connections of a Kysely on both sides', async () => {
  await using at = await openSync()
  const handles = [at.source, at.target].map(
    ({ url }) =>
      new Kysely<Record<string, never>>({
        dialect: new PostgresDialect({ pool: openPool({ connectionString: url, max: 4 }) }),
      }),
  )
  const [source, target] = handles
  if (!source || !target) throw new Error('There are two.')
  const report = await at.sync({ ...load, source, target })
  expect(report.rowsInserted).toBe(chatwootSize)
  expect(reducedIn(report)).toEqual([])
  expect(await differences(at)).toEqual([])
  for (const handle of handles) await handle.destroy()
})
