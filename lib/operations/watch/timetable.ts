import { SyncError } from '../../domain/errors.js'

/** When to run; exactly one of `cron` and `every` is required. */
export interface Timing {
  /** A cron expression of five fields, such as `0 3 * * *`, or of six, which begin with seconds. The first run waits for the first time. */
  readonly cron?: string | undefined
  /** Milliseconds from the start of one run to the start of the next, 1000 to 2 147 483 647. The first run starts at once. */
  readonly every?: number | undefined
  /** Time zone of `cron`. (Default: that of the host.) */
  readonly cronTimeZone?: string | undefined
  /** Milliseconds: each time is delayed by a random part of them, so that many hosts do not connect at once. (Default: 0.) */
  readonly jitter?: number | undefined
}

/** Milliseconds since 1970. */
export interface Timetable {
  first(now: number): number
  /** The time after a run that began at `began` and has ended at `now`, the last of so many failures in a row. */
  next(began: number, now: number, failures: number): number
}

/** Throws CONFIG_MISSING without `cron` and `every`, CONFIG_INVALID for a value that cannot work. */
export async function openTimetable({ cron, every, cronTimeZone, jitter = 0 }: Timing): Promise<Timetable> {
  if (cron !== undefined && every !== undefined)
    throw invalid('cron and every are both set.', 'Set one of them.')
  if (!(jitter >= 0 && Number.isFinite(jitter)))
    throw invalid(`jitter is ${jitter}, which is not a duration.`, 'Use a number of milliseconds, 0 or more.')
  const delayed = (at: number) => at + Math.random() * jitter
  if (every !== undefined) return byInterval(every, delayed)
  if (cron === undefined) {
    throw new SyncError('CONFIG_MISSING', 'Neither cron nor every is set.', {
      remedy: 'Set one of them.',
    })
  }
  return byCron(await openCron(cron, cronTimeZone), delayed)
}

function byInterval(every: number, delayed: (at: number) => number): Timetable {
  if (!(every >= 1000 && every <= 2 ** 31 - 1))
    throw invalid(`every is ${every}.`, 'Use a number of milliseconds, from one second to 24 days.')
  return {
    first: (now) => now,
    next: (began, now, failures) =>
      failures > 0 ? now + backoff(failures, every) : delayed(Math.max(now, began + every)),
  }
}

/** After a failure the next run does not wait for its time, which may be a day away. */
function byCron(after: (from: number) => number, delayed: (at: number) => number): Timetable {
  return {
    first: (now) => delayed(after(now)),
    next: (_began, now, failures) =>
      failures > 0 ? Math.min(after(now), now + backoff(failures, firstBackoff)) : delayed(after(now)),
  }
}

/** Milliseconds: a minute, or the interval if that is shorter, then twice as long each time, up to a quarter of an hour; plus or minus a quarter. */
function backoff(failures: number, every: number): number {
  const delay = Math.min(Math.min(every, firstBackoff) * 2 ** (failures - 1), longestBackoff)
  return delay * (0.75 + Math.random() / 2)
}

const firstBackoff = 60_000
const longestBackoff = 900_000

async function openCron(pattern: string, timezone: string | undefined): Promise<(from: number) => number> {
  const { Cron } = await import('croner')
  try {
    const job = new Cron(pattern, { paused: true, ...(timezone === undefined ? {} : { timezone }) })
    const after = (from: number) => {
      const next = job.nextRun(new Date(from))
      if (!next) throw invalid(`cron is ${JSON.stringify(pattern)}, which never comes.`, 'Correct it.')
      return next.getTime()
    }
    after(Date.now())
    return after
  } catch (cause) {
    if (cause instanceof SyncError) throw cause
    const zone = timezone === undefined ? '' : `, or ${JSON.stringify(timezone)} is not a time zone`
    throw invalid(
      `${JSON.stringify(pattern)} is not a cron expression${zone}.`,
      'Write 0 3 * * * for every day at 03:00.',
    )
  }
}

function invalid(message: string, remedy: string): SyncError {
  return new SyncError('CONFIG_INVALID', message, { remedy })
}
