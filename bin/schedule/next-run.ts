import { SyncError } from '../../lib/domain/errors.js'

/** Milliseconds for which an answer of systemd is taken to hold. */
const keptFor = 60_000

/** When systemd starts the next run, as far as this user can see it; null without a timer of this host. Asked once a minute at most. */
export function nextRunOfSystemd(): () => Promise<Date | null> {
  let asked = -keptFor
  let answer: Promise<Date | null> = Promise.resolve(null)
  return () => {
    if (performance.now() - asked >= keptFor) {
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
      // `Wed 2026-11-25 03:00:00 -03`: the zone is that of the host, whose short names nothing else understands.
      const [, day, time] = /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)/.exec(next ?? '') ?? []
      if (day && time) return new Date(`${day}T${time}`)
    } catch (error) {
      // That systemd tells this user nothing only means that the page does not show it.
      if (!(error instanceof SyncError)) throw error
    }
  }
  return null
}
