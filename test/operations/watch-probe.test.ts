import { describe, expect, it } from 'vitest'

import { probePipeline } from '../../lib/operations/watch/probe-pipeline.js'
import { insertConversation, openSmallSync, type SyncFixture } from '../fixtures/sync-fixture.js'

describe('a probe', () => {
  const urls = ({ source, target }: SyncFixture) => ({ source: source.url, target: target.url })

  it('lets the run after a long transaction read from where that began, not from where the last run was', async () => {
    await using pair = await openSmallSync()
    const id = await insertConversation(pair.source)
    const first = await pair.sync()
    expect(await probePipeline(urls(pair))).toBe('stored')
    const writer = await pair.source.pool.connect()
    await writer.query('begin')
    await writer.query(
      `update conversations set status = 1, updated_at = now() at time zone 'UTC' where id = ${id}`,
    )
    expect((await pair.sync()).rowsUpdated).toBe(0)
    expect(await probePipeline(urls(pair))).toBe('stored')
    await writer.query('commit')
    expect(await probePipeline(urls(pair))).toBe('stored')
    const third = await pair.sync()
    writer.release()
    expect(third.rowsUpdated).toBe(1)
    const [row] = await pair.source.query<{ later: boolean }>(
      `select $1::timestamp + interval '60 seconds' > $2::timestamp as later`,
      [third.watermarkStart, first.watermarkEnd],
    )
    expect(Date.parse(`${third.watermarkStart ?? ''}Z`) + 60_000).toBeLessThan(Date.now())
    expect(row?.later).toBe(true)
  })

  it('keeps what the next run needs of the last one, however many come between', async () => {
    await using pair = await openSmallSync()
    const id = await insertConversation(pair.source)
    await pair.sync()
    const writer = await pair.source.pool.connect()
    // Its stamps are of its begin, though it writes only after the run that saw it open, and has ended before anyone runs again.
    await writer.query('begin')
    await writer.query('select now()')
    await pair.sync({ skewAllowance: 0 })
    await probePipeline(urls(pair))
    await writer.query(
      `update conversations set status = 1, updated_at = now() at time zone 'UTC' where id = ${id}`,
    )
    await writer.query('commit')
    writer.release()
    for (let round = 0; round < 5; round += 1) await probePipeline(urls(pair))
    expect((await pair.sync({ skewAllowance: 0 })).rowsUpdated).toBe(1)
  })

  it('adds nothing without a successful run, and notices that the clock of the source was set back', async () => {
    await using pair = await openSmallSync()
    expect(await probePipeline(urls(pair))).toBe('nothing')
    await pair.sync()
    await pair.target.query(
      `update etl_control set state = jsonb_set(state, '{horizon,at}', to_jsonb((state -> 'horizon' ->> 'at')::bigint + 3600000000))`,
    )
    expect(await probePipeline(urls(pair))).toBe('clock-set-back')
  })

  it('waits for no lock and takes none, so that a run is never turned away', async () => {
    await using pair = await openSmallSync()
    await pair.sync()
    const holder = await pair.target.pool.connect()
    await holder.query(`select pg_advisory_lock(hashtextextended('chatwoot-sync run conversations', 0))`)
    expect(await probePipeline(urls(pair))).toBe('stored')
    holder.release(true)
  })
})
