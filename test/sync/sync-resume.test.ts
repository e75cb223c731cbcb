import { expect, it } from 'vitest'

import { differences, openSync } from '../fixtures/sync-fixture.js'
import type { SyncFixture } from '../fixtures/sync-fixture.js'

/** A full read that is stopped once this many rows have been committed; gives what the target then held. */
async function stopAfter(at: SyncFixture, rows: number): Promise<number> {
  const stop = new AbortController()
  const stopped = at.sync({
    batchSize: 50,
    signal: stop.signal,
    onProgress: ({ phase, rowsExtracted }) => {
      if (phase === 'load' && rowsExtracted >= rows) stop.abort()
    },
  })
  await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' })
  return countRows(at)
}

async function countRows({ target }: SyncFixture): Promise<number> {
  const [row] = await target.query<{ count: number }>('select count(*)::integer from conversas_analytics')
  return row?.count ?? 0
}

it('goes on after the last batch that a stopped full read has committed', async () => {
  await using at = await openSync()
  const committed = await stopAfter(at, 100)
  expect(committed).toBeGreaterThanOrEqual(100)
  const [failed] = await at.target.query('select * from etl_control')
  expect(failed).toMatchObject({ status: 'failed', error_code: 'ABORTED', rows_extracted: committed })
  await at.source.query(
    'update conversations set status = 2, updated_at = now() at time zone $1 where id < 20',
    ['UTC'],
  )

  const resumed = await at.sync()

  expect(resumed).toMatchObject({ status: 'success', loadType: 'full' })
  expect(resumed.reason).toBe(`resumes the full load of run ${String(failed?.['execution_id'])}`)
  expect(resumed.rowsInserted).toBe((await countRows(at)) - committed)
  // What changed behind the resume key is found by the next run, which reads from the start of the first one on.
  const next = await at.sync()
  expect(next.loadType).toBe('incremental')
  expect(next.rowsUpdated).toBeGreaterThan(0)
  expect(await differences(at)).toEqual([])
})

it('goes on twice', async () => {
  await using at = await openSync()
  const once = await stopAfter(at, 50)
  const twice = await stopAfter(at, 50)
  expect(twice).toBeGreaterThan(once)
  await at.sync()
  expect(await differences(at)).toEqual([])
})

it('marks what is gone although a resumed read has not seen the rows before its key', async () => {
  await using at = await openSync()
  await at.sync()
  const [gone] = await at.source.query<{ ids: number[] }>(
    'select array[min(id), max(id)] as ids from conversations',
  )
  const stop = new AbortController()
  const stopped = at.sync({
    loadType: 'full',
    batchSize: 50,
    signal: stop.signal,
    onProgress: ({ rowsExtracted }) => rowsExtracted >= 100 && stop.abort(),
  })
  await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' })
  await at.source.query('delete from conversations where id = any($1::integer[])', [gone?.ids])

  expect(await at.sync({ loadType: 'full' })).toMatchObject({ rowsDeleted: 2 })
  expect(await differences(at)).toEqual([])
})

it('reads from the start after a stopped full read of another definition', async () => {
  await using at = await openSync()
  await stopAfter(at, 100)
  const report = await at.sync({ timeZone: 'UTC' })
  expect(report.reason).toBe('no previous successful run')
  expect(report.rowsExtracted).toBe(await countRows(at))
  expect(await differences(at, { timeZone: 'UTC' })).toEqual([])
})

it('rolls a stopped incremental run back', async () => {
  await using at = await openSync()
  const { watermarkEnd } = await at.sync()
  await at.source.query('update conversations set priority = 3, updated_at = now() at time zone $1', ['UTC'])
  const before = await at.target.query('select xmin::text, c::text from conversas_analytics c order by 2')
  const stop = new AbortController()
  const stopped = at.sync({
    batchSize: 50,
    signal: stop.signal,
    onProgress: ({ phase }) => phase === 'load' && stop.abort(),
  })

  await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' })

  expect(await at.target.query('select xmin::text, c::text from conversas_analytics c order by 2')).toEqual(
    before,
  )
  expect(await at.target.query('select get_last_successful_watermark()::text as at')).toEqual([
    { at: watermarkEnd },
  ])
  expect(await at.sync()).toMatchObject({ loadType: 'incremental', rowsUpdated: before.length })
  expect(await differences(at)).toEqual([])
})
