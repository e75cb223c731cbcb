import { SyncError } from '../../lib/domain/errors.js'

/** Milliseconds for which an answer of systemd is cached. */
const cacheTime = 60_000

/** A function that returns when systemd starts the next run, as far as this user can see; null without a timer. It asks at most once a minute. */
export function nextRunOfSystemd(): () => Promise<Date | null> {
  let asked = -cacheTime
  let answer: Promise<Date | null> = Promise.resolve(null)
  return () => {
    if (performance.now() - asked >= cacheTime) {
      asked = performance.now()
      answer = askSystemd()
    }
    return answer
  }
}

async function askSystemd(): Promise<Date | null> {
  const { readScheduleStatus } = await import('./install.js')
  for (const scope of ['system', 'user'] as const) {
    try {
      const { next } = await readScheduleStatus({ scope })
      // `Wed 2026-11-25 03:00:00 -03`: the zone is the host's, so its abbreviation can be ignored.
      const [, day, time] = /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)/.exec(next ?? '') ?? []
      if (day && time) return new Date(`${day}T${time}`)
    } catch (error) {
      // Without access to systemd the page just does not show the next run.
      if (!(error instanceof SyncError)) throw error
    }
  }
  return null
}
