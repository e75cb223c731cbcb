import { describe, expect, it } from 'vitest'

import { openTimetable } from '../../lib/operations/watch/timetable.js'

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
