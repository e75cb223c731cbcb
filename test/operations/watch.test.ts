import { describe, expect, it } from 'vitest'

import { watch, type RunOutcome, type WatchOptions } from '../../lib/index.js'
import { insertConversation, openSmallSync, type SyncFixture } from '../fixtures/sync-fixture.js'

/** Watches until `enough` runs are done. */
async function watchFor(
  pair: Pick<SyncFixture, 'source' | 'target'>,
  enough: number,
  more: Partial<WatchOptions> = {},
) {
  const stop = new AbortController()
  const outcomes: RunOutcome[] = []
  const summary = await watch({
    source: pair.source.url,
    target: pair.target.url,
    every: 1000,
    probeEvery: 0,
    signal: stop.signal,
    ...more,
    onRun: async (outcome) => {
      outcomes.push(outcome)
      await more.onRun?.(outcome)
      if (outcomes.length === enough) stop.abort()
    },
  })
  return { summary, outcomes }
}

describe('watch', () => {
  it('runs again and again, as the scheduler, until it is stopped', async () => {
    await using pair = await openSmallSync()
    await insertConversation(pair.source)
    const { summary, outcomes } = await watchFor(pair, 2, {
      onRun: async () => {
        const now = new Date().toISOString()
        await insertConversation(pair.source, { created_at: now, updated_at: now, last_activity_at: now })
      },
    })
    expect(summary).toEqual({ runs: 2, failed: 0, skipped: 0 })
    expect(outcomes.map(({ report }) => report?.rowsInserted)).toEqual([1, 1])
    expect(await pair.target.query('select distinct triggered_by, status from etl_control')).toEqual([
      { triggered_by: 'scheduler', status: 'success' },
    ])
  })

  it('continues after failures, and skips a time at which another run is in progress', async () => {
    await using pair = await openSmallSync()
    const holder = await pair.target.pool.connect()
    await holder.query(`select pg_advisory_lock(hashtextextended('chatwoot-sync run conversations', 0))`)
    await pair.source.query('alter table conversations rename to hidden')
    const { summary, outcomes } = await watchFor(pair, 3, {
      onRun: async ({ error }) => {
        if (error && 'LOCKED' === Reflect.get(Object(error), 'code')) holder.release(true)
        else await pair.source.query('alter table if exists hidden rename to conversations')
      },
    })
    expect(summary).toEqual({ runs: 3, failed: 1, skipped: 1 })
    expect(outcomes.map(({ report, error }) => report?.status ?? Reflect.get(Object(error), 'code'))).toEqual(
      ['LOCKED', 'RELATION_MISSING', 'success'],
    )
  })

  it('ends with an error that every run would repeat', async () => {
    await using pair = await openSmallSync()
    await expect(watchFor(pair, 1, { timeZone: 'No/Where' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    })
    await expect(watchFor(pair, 1, { batchSize: 0 })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    await expect(watchFor(pair, 1, { probeEvery: -1 })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })

  it('does nothing when it was stopped before it began', async () => {
    await using pair = await openSmallSync()
    const summary = await watch({
      source: pair.source.url,
      target: pair.target.url,
      every: 1000,
      signal: AbortSignal.abort(),
    })
    expect(summary).toEqual({ runs: 0, failed: 0, skipped: 0 })
  })

  it('probes the source between two runs', async () => {
    await using pair = await openSmallSync()
    await insertConversation(pair.source)
    await pair.sync()
    const points = async () => {
      const [row] = await pair.target.query<{ points: number }>(
        `select jsonb_array_length(state -> 'horizon' -> 'points') as points from etl_control where state is not null`,
      )
      return row?.points ?? 0
    }
    const before = await points()
    const stop = new AbortController()
    const ended = watch({
      ...{ source: pair.source.url, target: pair.target.url, cron: '0 0 1 1 *', probeEvery: 20 },
      signal: stop.signal,
    })
    await expect.poll(points).toBeGreaterThan(before + 3)
    stop.abort()
    expect(await ended).toEqual({ runs: 0, failed: 0, skipped: 0 })
  })
})
