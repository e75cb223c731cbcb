import type { CompiledQuery } from 'kysely'

import type { RowsOfEach, Session } from './session.js'
import { plain } from './statement.js'

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
 * Begins the one transaction in which the source is read: one snapshot for every statement, and no way to write. Between two batches
 * the session idles in it while the target loads, which is several statements; a client that has died ends sooner than never.
 */
export function beginReading(timeouts: Timeouts): string[] {
  return [
    'begin isolation level repeatable read read only',
    ...limits(timeouts, idleWhileReading(timeouts)),
    ...textForms,
  ]
}

/** Begins a transaction that writes to the target; it idles for as long as the source takes for its next batch. */
export function beginWriting(timeouts: Timeouts): string[] {
  return [
    'begin isolation level read committed read write',
    // A row that breaks a deferred constraint has to be rejected while the row is known, and not by the commit.
    'set constraints all immediate',
    ...limits(timeouts, 0),
    ...textForms,
  ]
}

/**
 * Runs queries in one transaction that cannot write and that keeps no snapshot, in one round trip; the rows of each. After a failure the
 * transaction is rolled back, and the session can be used again.
 */
export async function readTogether<const Rows extends readonly unknown[]>(
  session: Session,
  timeouts: Timeouts,
  queries: { readonly [Place in keyof Rows]: CompiledQuery<Rows[Place]> },
): Promise<RowsOfEach<Rows>> {
  const begin = [
    'begin isolation level read committed read only',
    ...limits(timeouts, idleWhileReading(timeouts)),
  ]
  try {
    return await between(session, begin, queries, ['commit'])
  } catch (error) {
    if (!session.lost.aborted) await session.script(['rollback'])
    throw error
  }
}

/**
 * What `read` returns, in one transaction that cannot write: one snapshot for all its statements, ended before this settles. After a failure
 * the session can be used again, unless its connection is lost.
 */
export async function withSnapshot<T>(
  session: Session,
  timeouts: Timeouts,
  read: (session: Session) => Promise<T>,
): Promise<T> {
  try {
    await session.script(beginReading(timeouts))
    const found = await read(session)
    await session.script(['commit'])
    return found
  } catch (error) {
    if (!session.lost.aborted) await session.script(['rollback']).catch(() => undefined)
    throw error
  }
}

/** Runs statements without results before and after the queries, all in one round trip where the driver can; the rows of each query. */
export async function between<const Rows extends readonly unknown[]>(
  session: Session,
  before: readonly string[],
  queries: { readonly [Place in keyof Rows]: CompiledQuery<Rows[Place]> },
  after: readonly string[] = [],
): Promise<RowsOfEach<Rows>> {
  const all = await session.together<readonly unknown[]>([
    ...before.map(plain),
    ...queries,
    ...after.map(plain),
  ])
  // One result for each statement, in order: those of the queries lie in the middle.
  return all.slice(before.length, before.length + queries.length) as RowsOfEach<Rows>
}

/** Ten minutes at least: the target may take several statements for one batch. */
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

/**
 * The point to which a writing transaction returns when the target rejects a batch. There is one at a time: it moves on with each batch, as a
 * run of many batches in one transaction would else leave as many behind.
 */
const savepoint = 'chatwoot_sync_batch'

/** Where no savepoint was set yet. */
export const setSavepoint = `savepoint ${savepoint}`

export const releaseSavepoint = `release savepoint ${savepoint}`

/** What came before is kept from here on. */
export const moveSavepoint: readonly string[] = [releaseSavepoint, setSavepoint]

/** Undoes what came after; the savepoint remains. */
export const backToSavepoint = `rollback to savepoint ${savepoint}`
