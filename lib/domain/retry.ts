import type { ErrorCode, ErrorDetails } from './errors.js'

/** What is known of a failure; a SyncError has it. */
export interface Failure {
  readonly code: ErrorCode
  readonly details: ErrorDetails
}

/**
 * Whether a failure passes by itself. `brief`: it may, within seconds, as after a failover; as a rule somebody has to act.
 * `smaller`: less work at a time may get through.
 */
export type Prognosis = 'passes' | 'brief' | 'smaller' | 'stays'

/** Attempts at what is `brief` or `smaller` before a run fails. */
const fewTries = 3

/** Milliseconds: the first wait is at most this long, and each may be twice as long as the one before. */
const firstWait = 250

/** Milliseconds: longer waits would only delay a run whose server is back. */
const longestWait = 10_000

/**
 * By SQLSTATE where the server sent one, else by whether the server was reached at all. Class 08 is the connection, 40 a conflict with
 * other transactions or with the recovery of a standby, 57P a server that stops or starts.
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
export function prognosisOf({ code, details }: Failure): Prognosis {
  const { sqlState } = details
  // A name that the server or a pooler does not know may come as a protocol error.
  if (/_(AUTH_FAILED|DATABASE_MISSING|FORBIDDEN|POOLED)$/.test(code)) return 'stays'
  if (typeof sqlState === 'string') {
    if (sqlState === '57014') return 'smaller'
    if (/^(25006|53100|58030)$/.test(sqlState)) return 'brief'
    return /^(08...|40...|25P0[34]|53[23]00|55P03|57P0[1235])$/.test(sqlState) ? 'passes' : 'stays'
  }
  if (details['isWhileReading'] === true) return 'brief'
  return code.endsWith('_UNREACHABLE') || details['isHeldByLostConnection'] === true ? 'passes' : 'stays'
}

/** Failures without a committed batch between them. */
export interface Trouble {
  /** Milliseconds of a clock that nobody sets. */
  readonly since: number
  readonly failures: number
}

/**
 * Milliseconds until the next try, or undefined to fail: the failure stays, or the trouble has lasted for `budget` milliseconds.
 * `random` is from 0 to 1. Full jitter, so that many clients of a server that comes back do not come all at once:
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function waitAfter(
  failure: Failure,
  trouble: Trouble,
  { now, budget, random }: { now: number; budget: number; random: number },
): number | undefined {
  const prognosis = prognosisOf(failure)
  const left = trouble.since + budget - now
  if (prognosis === 'stays' || left <= 0) return undefined
  if (prognosis !== 'passes' && trouble.failures >= fewTries) return undefined
  const most = Math.min(firstWait * 2 ** (trouble.failures - 1), longestWait, left)
  return Math.round(most * random)
}
