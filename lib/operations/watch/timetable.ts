import { SyncError } from '../../domain/errors.js'

/** When to run: exactly one of `cron` and `every`. */
export interface Timing {
  /** Five fields as of cron: `0 3 * * *`; six begin with seconds. The first run waits for the first time. */
  readonly cron?: string | undefined
  /** Milliseconds from the begin of one run to the begin of the next. The first run begins at once. */
  readonly every?: number | undefined
  /** Time zone of `cron`. (Default: that of the host.) */
  readonly cronTimeZone?: string | undefined
  /** Milliseconds of which a part, chosen by chance, is added to each time, so that many hosts do not ask at once. (Default: 0.) */
  readonly jitter?: number | undefined
}

/** Milliseconds since 1970. */
export interface Timetable {
  first(now: number): number
  /** After a run that began at `began` and has ended now, and after so many failures in a row. */
  next(began: number, now: number, failures: number): number
}

/** Throws CONFIG_MISSING without a time, CONFIG_INVALID for one that cannot work. */
export async function openTimetable({ cron, every, cronTimeZone, jitter = 0 }: Timing): Promise<Timetable> {
  if (cron !== undefined && every !== undefined)
    throw invalid('cron and every are both given.', 'Give one of them.')
  if (!(jitter >= 0 && Number.isFinite(jitter)))
    throw invalid(`jitter is ${jitter}.`, 'Give milliseconds, 0 or more.')
  const late = (at: number) => at + Math.random() * jitter
  if (every !== undefined) return byInterval(every, late)
  if (cron === undefined) {
    throw new SyncError('CONFIG_MISSING', 'No time is given at which to run.', {
      remedy: 'Give cron or every.',
    })
  }
  return byCron(await openCron(cron, cronTimeZone), late)
}

function byInterval(every: number, late: (at: number) => number): Timetable {
  if (!(every >= 1000 && every <= 2 ** 31 - 1))
    throw invalid(`every is ${every}.`, 'Give milliseconds, from a second to 24 days.')
  return {
    first: (now) => now,
    next: (began, now, failures) =>
      failures > 0 ? now + backoff(failures, every) : late(Math.max(now, began + every)),
  }
}

/** A failed run is not left until the next time, which may be a day away. */
function byCron(after: (from: number) => number, late: (at: number) => number): Timetable {
  return {
    first: (now) => late(after(now)),
    next: (_began, now, failures) =>
      failures > 0 ? Math.min(after(now), now + backoff(failures, longestStart)) : late(after(now)),
  }
}

/** Milliseconds: a minute, or the interval if that is shorter, then twice as long each time, up to a quarter of an hour; give or take a quarter. */
function backoff(failures: number, every: number): number {
  const delay = Math.min(Math.min(every, longestStart) * 2 ** (failures - 1), 900_000)
  return delay * (0.75 + Math.random() / 2)
}

const longestStart = 60_000

async function openCron(pattern: string, timezone: string | undefined): Promise<(from: number) => number> {
  const { Cron } = await import('croner')
  try {
    const job = new Cron(pattern, { paused: true, ...(timezone === undefined ? {} : { timezone }) })
    const after = (from: number) => {
      const next = job.nextRun(new Date(from))
      if (!next) throw invalid(`${JSON.stringify(pattern)} has no time to come.`, 'Correct it.')
      return next.getTime()
    }
    after(Date.now())
    return after
  } catch (cause) {
    if (cause instanceof SyncError) throw cause
    throw invalid(
      `${JSON.stringify(pattern)} is no time of cron${timezone === undefined ? '' : `, or ${JSON.stringify(timezone)} no time zone`}.`,
      'Write it as 0 3 * * * for every day at 03:00.',
    )
  }
}

function invalid(message: string, remedy: string): SyncError {
  return new SyncError('CONFIG_INVALID', message, { remedy })
}
