import { expect, it } from 'vitest'

import type { Progress } from '../../lib/options.js'
import { fullContent, insertConversation, openSmallSync, openSync } from '../fixtures/sync-fixture.js'

it('tells its progress with counts that only grow', async () => {
  await using at = await openSync()
  const seen: Progress[] = []

  const report = await at.sync({ batchSize: 20, onProgress: (progress) => seen.push(progress) })

  const counts = seen.map(({ rowsExtracted }) => rowsExtracted)
  expect(counts.length).toBeGreaterThan(5)
  expect(counts).toEqual([...counts].sort((a, b) => a - b))
  expect(counts.at(-1)).toBe(report.rowsExtracted)
  expect(seen.at(-1)).toMatchObject({ phase: 'load', rowsExpected: report.rowsExtracted })

  seen.length = 0
  await at.source.query(
    `update conversations set status = 1, updated_at = now() at time zone 'UTC' where id < 20`,
  )
  const next = await at.sync({ onProgress: (progress) => seen.push(progress) })
  expect(seen[0]).toEqual({ phase: 'feeds', rowsExtracted: 0, rowsExpected: null })
  const { rowsExtracted } = next
  expect(seen.at(-1)).toEqual({ phase: 'load', rowsExtracted, rowsExpected: rowsExtracted })
})

it('fails when onProgress throws, and keeps what was committed', async () => {
  await using at = await openSync()
  const cause = new Error('The screen is gone.')
  const run = at.sync({
    batchSize: 50,
    onProgress: ({ rowsExtracted }) => {
      if (rowsExtracted > 100) throw cause
    },
  })
  await expect(run).rejects.toMatchObject({ code: 'HOOK_FAILED', details: { hook: 'onProgress' }, cause })
  const [row] = await at.target.query<{ rows_extracted: number }>('select * from etl_control')
  expect(row).toMatchObject({ status: 'failed', error_code: 'HOOK_FAILED' })
  expect(await at.target.query('select from conversas_analytics')).toHaveLength(row?.rows_extracted ?? 0)
})

it('does nothing for a signal that has fired before', async () => {
  await using at = await openSmallSync()
  await expect(at.sync({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
  expect(await fullContent(at.target)).toEqual([[], []])
})

it('stops a statement of the source that is at work', async () => {
  await using at = await openSmallSync()
  await insertConversation(at.source)
  await at.source.query(`
    create function wait_for_ever() returns text language sql as 'select pg_sleep(600)::text';
    alter table accounts rename to accounts_kept;
    create view accounts as select id, wait_for_ever()::varchar as name from accounts_kept`)
  const stop = new AbortController()
  const cause = new Error('The process ends.')
  const run = at.sync({ signal: stop.signal })
  const failed = expect(run).rejects.toMatchObject({ code: 'ABORTED', cause })
  const busy = `select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`
  await expect.poll(() => at.source.query(busy)).toHaveLength(1)

  stop.abort(cause)

  await failed
  expect(await at.target.query('select status, error_code from etl_control')).toEqual([
    { status: 'failed', error_code: 'ABORTED' },
  ])
  const locks = `select from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`
  expect(await at.target.query(locks)).toEqual([])
})

it('fails when a statement takes longer than statementTimeout', async () => {
  await using at = await openSmallSync()
  await at.source.query(`
    alter table accounts rename to accounts_kept;
    create view accounts as select id, pg_sleep(60)::text as name from accounts_kept`)
  await expect(at.sync({ statementTimeout: 50 })).rejects.toMatchObject({
    code: 'SOURCE_TIMED_OUT',
    message: expect.stringContaining('statementTimeout'),
    details: { sqlState: '57014' },
  })
})
