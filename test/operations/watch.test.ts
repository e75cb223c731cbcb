import { describe, expect, it } from 'vitest'

import { watch, type RunOutcome, type WatchOptions } from '../../lib/index.js'
import { openTimetable } from '../../lib/operations/watch/timetable.js'
import { insertConversation, openSmallSync, type SyncFixture } from '../fixtures/sync-fixture.js'

const at = (text: string) => Date.parse(text)

describe('the timetable', () => {
  it('reads the times of cron in a time zone', async () => {
    const daily = await openTimetable({ cron: '0 3 * * *', cronTimeZone: 'America/Sao_Paulo' })
    const now = at('2026-11-24T12:00:00Z')
    expect(daily.first(now)).toBe(at('2026-11-25T06:00:00Z'))
    expect(daily.next(now, at('2026-11-25T06:10:00Z'), 0)).toBe(at('2026-11-26T06:00:00Z'))
  })

  it('counts an interval from the start of a run, and lets no runs overlap', async () => {
    const each = await openTimetable({ every: 60_000 })
    expect(each.first(5000)).toBe(5000)
    expect(each.next(5000, 15_000, 0)).toBe(65_000)
    expect(each.next(5000, 99_000, 0)).toBe(99_000)
  })

  it('adds a part of the jitter', async () => {
    const each = await openTimetable({ every: 60_000, jitter: 10_000 })
    const times = Array.from({ length: 50 }, () => each.next(0, 10, 0))
    expect(Math.min(...times)).toBeGreaterThanOrEqual(60_000)
    expect(Math.max(...times)).toBeLessThan(70_000)
    expect(new Set(times).size).toBeGreaterThan(10)
  })

  it('tries again after a failure, later each time, up to a quarter of an hour', async () => {
    const daily = await openTimetable({ cron: '0 3 * * *', cronTimeZone: 'UTC' })
    const now = at('2026-11-24T03:01:00Z')
    const delays = [1, 2, 3, 4, 5, 6, 20].map((failures) => (daily.next(now, now, failures) - now) / 60_000)
    for (const [index, minutes] of [1, 2, 4, 8, 15, 15, 15].entries()) {
      expect(delays[index]).toBeGreaterThanOrEqual(minutes * 0.75)
      expect(delays[index]).toBeLessThanOrEqual(minutes * 1.25)
    }
    const night = at('2026-11-25T02:59:50Z')
    expect(daily.next(now, night, 5)).toBe(at('2026-11-25T03:00:00Z'))
  })

  it.each([
    [{}, 'CONFIG_MISSING'],
    [{ cron: '0 3 * *' }, 'CONFIG_INVALID'],
    [{ cron: '0 3 31 2 *' }, 'CONFIG_INVALID'],
    [{ cron: '0 3 * * *', cronTimeZone: 'Brasilia' }, 'CONFIG_INVALID'],
    [{ cron: '0 3 * * *', every: 1000 }, 'CONFIG_INVALID'],
    [{ every: 10 }, 'CONFIG_INVALID'],
    [{ every: 1000, jitter: -1 }, 'CONFIG_INVALID'],
  ])('rejects %j with %s', async (timing, code) => {
    await expect(openTimetable(timing)).rejects.toMatchObject({ code })
  })
})

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
