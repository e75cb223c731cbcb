import { describe, expect, it } from 'vitest'

import { runTable } from '../../bin/output/run-table.js'
import { syncConversations } from '../../lib/index.js'
import { readStatus } from '../../lib/operations/status.js'
import { openPair } from '../fixtures/cli-fixture.js'
import { cloneDatabase } from '../setup/database.js'

describe('the status', () => {
  it('is the reports of the runs, newest first', async () => {
    await using pair = await openPair(5)
    const options = { source: pair.readerUrl, target: pair.target.url }
    const first = await syncConversations(options)
    const second = await syncConversations({ ...options, pipeline: 'other' })
    const target = pair.target.url
    expect(await readStatus({ target })).toEqual([second, first])
    expect(await readStatus({ target, limit: 1 })).toEqual([second])
    expect(await readStatus({ target, pipeline: 'conversations' })).toEqual([first])
    expect(await readStatus({ target: pair.target.pool, pipeline: 'none' })).toEqual([])
  })

  it('shows times with microseconds and in UTC, whatever the server is set to', async () => {
    await using target = await cloneDatabase('target')
    await target.query(`alter database ${target.name} set timezone = 'Asia/Kathmandu'`)
    await target.query(`alter database ${target.name} set datestyle = 'German'`)
    await target.query(
      `insert into etl_control (load_type, started_at) values ('full', '2026-11-24 12:00:00.123456Z')`,
    )
    const [run] = await readStatus({ target: target.url })
    expect(run).toMatchObject({
      status: 'running',
      startedAt: '2026-11-24 12:00:00.123456+00',
      completedAt: null,
    })
  })

  it('of a target that was not migrated says what to do', async () => {
    await using target = await cloneDatabase('target', 'template1')
    await expect(readStatus({ target: target.url })).rejects.toMatchObject({
      code: 'TARGET_NOT_MIGRATED',
      remedy: 'Run chatwoot-sync migrate.',
    })
  })

  it('as a table shows failures under their run, and fits 60 columns', async () => {
    await using target = await cloneDatabase('target')
    await target.query(`
      insert into etl_control (
        load_type, status, started_at, completed_at, duration_seconds, rows_extracted, rows_inserted, error_code, error_message
      )
      values
        ('incremental', 'failed', '2026-11-24 12:00Z', now(), 0.12, 0, 0, 'LOCK_LOST', 'Another run took over while this one was held up.'),
        ('full', 'success', '2026-11-24 11:00Z', now(), 4000, 1234567, 1234567, null, null)`)
    const table = runTable(await readStatus({ target: target.url }), 59)
    expect(table.split('\n')).toEqual([
      'Pipeline conversations',
      'Started (UTC)     Load  Result    New  Upd.  Del.    Time',
      '2026-11-24 12:00  incr  failed      0     0     0  0.12 s',
      '  Another run took over while this one was held up.',
      '    (LOCK_LOST)',
      '2026-11-24 11:00  full  success  1.2M     0     0   1.1 h',
      '',
    ])
    expect(runTable([], 59)).toBe('No runs yet.\n')
  })

  it('as a table shows a warning that many runs had once', async () => {
    await using target = await cloneDatabase('target')
    await target.query(`
      insert into etl_control (load_type, status, started_at, completed_at, duration_seconds, warnings)
      select 'full', 'success', '2026-11-24 12:00Z'::timestamptz - n * interval '1 hour', now(), 1, '[{"code": "HELD_BACK", "message": "It is open."}]'
      from generate_series(1, 2) n`)
    const lines = runTable(await readStatus({ target: target.url }), 59).split('\n')
    expect(lines.filter((line) => line.includes('Warning'))).toEqual([
      '  Warning: It is open. (HELD_BACK)',
      '  Warning: as above (HELD_BACK)',
    ])
  })
})
