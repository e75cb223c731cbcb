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

/** Begins the one transaction in which the source is read: one snapshot for every statement, and no way to write. */
export function beginReading(statementTimeout: number): string[] {
  return [
    'begin isolation level repeatable read read only',
    `set local statement_timeout = ${Math.trunc(statementTimeout)}`,
    // Between two portions the session idles in its transaction for as long as the target takes.
    'set local idle_in_transaction_session_timeout = 0',
    ...textForms,
  ]
}

/** Begins a transaction that writes to the target. */
export function beginWriting(statementTimeout: number): string[] {
  return [
    'begin isolation level read committed read write',
    `set local statement_timeout = ${Math.trunc(statementTimeout)}`,
    'set local idle_in_transaction_session_timeout = 0',
    ...textForms,
  ]
}
