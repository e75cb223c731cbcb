/**
 * Settings of a transaction that make texts the same on every server, whatever its own are: a value read from one goes into the other
 * as text. `set local`, so that a pooler in transaction mode hands none of it to another client.
 */
const textForms = [
  `set local datestyle = 'ISO, YMD'`,
  `set local intervalstyle = 'postgres'`,
  `set local timezone = 'UTC'`,
  `set local extra_float_digits = 1`,
  `set local bytea_output = 'hex'`,
]

/** Milliseconds; 0 for no limit. */
export interface Timeouts {
  /** For one statement. */
  readonly statementTimeout: number
  /** For one lock that somebody else holds. */
  readonly lockTimeout: number
}

/**
 * Begins the one transaction in which the source is read: one snapshot for every statement, and no way to write. Between two portions
 * the session idles in it while the target loads, which is several statements; a client that is gone for good ends sooner than never.
 */
export function beginReading(timeouts: Timeouts): string[] {
  return [
    'begin isolation level repeatable read read only',
    ...limits(timeouts, idleWhileReading(timeouts)),
    ...textForms,
  ]
}

/** Begins a transaction that writes to the target; it idles for as long as the source takes for its next portion. */
export function beginWriting(timeouts: Timeouts): string[] {
  return [
    'begin isolation level read committed read write',
    // A row that breaks a deferred constraint has to be refused while it can be told from the others, and not by the commit.
    'set constraints all immediate',
    ...limits(timeouts, 0),
    ...textForms,
  ]
}

/** Looks at something without a snapshot that lasts, and without a way to write: these statements before, `commit` after. */
export function beginLooking(timeouts: Timeouts): string[] {
  return ['begin isolation level read committed read only', ...limits(timeouts, idleWhileReading(timeouts))]
}

/** Ten minutes at least: the target may take several statements for one portion. */
function idleWhileReading({ statementTimeout }: Timeouts): number {
  return statementTimeout === 0 ? 0 : Math.max(2 * statementTimeout, 600_000)
}

function limits({ statementTimeout, lockTimeout }: Timeouts, idle: number): string[] {
  return [
    `set local statement_timeout = ${Math.trunc(statementTimeout)}`,
    `set local lock_timeout = ${Math.trunc(lockTimeout)}`,
    `set local idle_in_transaction_session_timeout = ${Math.min(Math.trunc(idle), 2 ** 31 - 1)}`,
  ]
}
