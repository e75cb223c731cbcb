import type { CompiledQuery } from 'kysely'

import { quoted } from './search-path.js'
import { beginAlone, firstPin, pinAgain, type PathRow } from './pinned-settings.js'
import type { RowsOfEach, Session, Side } from './session.js'
import { isAboutControl, plain, withControlSchema } from './statement.js'

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
    'begin isolation level repeatable read read only, not deferrable',
    limits(timeouts, idleWhileReading(timeouts)),
  ]
}

/** The same under a snapshot that another transaction of the server has exported; it has to come before anything else. */
export function joinReading(timeouts: Timeouts, snapshot: string): string[] {
  const [begin = '', ...more] = beginReading(timeouts)
  return [begin, `set transaction snapshot '${snapshot.replaceAll("'", "''")}'`, ...more]
}

/** Begins a transaction that writes to the target; it idles for as long as the source takes for its next batch. */
export function beginWriting(timeouts: Timeouts): string[] {
  return [
    'begin isolation level read committed read write, not deferrable',
    // A row that breaks a deferred constraint has to be rejected while the row is known, and not by the commit.
    'set constraints all immediate',
    limits(timeouts, 0),
  ]
}

/**
 * The same for a batch of a load, whose commit does not wait until the log is on disk. A crash of the server can then lose the last batches, each
 * whole and with the key that it reached, so that they are read again; the commit at the end of the load waits for all of them.
 */
export function beginBatch(timeouts: Timeouts): string[] {
  return [...beginWriting(timeouts), 'set local synchronous_commit = off']
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
  const begin = [beginAlone.source, limits(timeouts, idleWhileReading(timeouts))]
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
  before: readonly (string | CompiledQuery)[],
  queries: { readonly [Place in keyof Rows]: CompiledQuery<Rows[Place]> },
  after: readonly string[] = [],
): Promise<RowsOfEach<Rows>> {
  const all = await session.together<readonly unknown[]>([
    ...before.map((statement) => (typeof statement === 'string' ? plain(statement) : statement)),
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

/** In one statement, as each costs time. Every session pins the other settings itself. */
function limits({ statementTimeout, lockTimeout }: Timeouts, idle: number): string {
  const limits = {
    statement_timeout: statementTimeout,
    lock_timeout: lockTimeout,
    idle_in_transaction_session_timeout: Math.min(idle, 2 ** 31 - 1),
  }
  const items = Object.entries(limits).map(
    ([name, value]) => `pg_catalog.set_config('${name}', '${Math.trunc(value)}', true)`,
  )
  return `select ${items.join(', ')}`
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

/** Statements to be sent as they are, with pins among them. */
export interface PinnedStatements {
  readonly all: readonly CompiledQuery[]
  /** Where in `all` the statements of the caller are. */
  readonly places: readonly number[]
  /** A transaction was begun around them. */
  readonly isWrapped: boolean
  /** Takes what the pins have returned; `isOpen` says whether a transaction is open now. */
  learn(results: readonly (readonly unknown[])[], isOpen: boolean): void
}

/** Pins the settings of one connection. */
export interface SessionPins {
  /**
   * Adds to the statements what pins the settings of each transaction: behind each `begin`, and where no transaction is open, a
   * transaction around them all. In a transaction, as a pooler may hand the connection to another client after it.
   */
  around(statements: readonly CompiledQuery[], isOpen: boolean): PinnedStatements
  /** Whether the statements can only be written once a pin has returned where our tables are. */
  areTooEarly(statements: readonly CompiledQuery[]): boolean
  /** The encoding of the database; undefined before the first pin. */
  encoding(): string | undefined
}

/** What a session knows of its connection before it has asked. */
interface PinnedConnection {
  /** In which our tables of the target are; undefined for the one in which the role finds them. */
  readonly schema: string | undefined
  /** Id of the process of the server that greeted the driver; undefined where it is not to be compared. */
  readonly greetedBy: () => string | undefined
}

/**
 * Of the source, each transaction is pinned, as a pooler may hand the connection to others in between. A connection to the target is pinned
 * once, by what comes first, and again only where that has left a transaction open, whose end could undo it: it is never given back. Where
 * another process of its server responds than the one that greeted the driver, a pooler is in between, and each transaction is pinned.
 */
export function sessionPins(side: Side, { schema, greetedBy }: PinnedConnection): SessionPins {
  let path: PathRow | undefined
  let isSettled = false

  const pin = () => (path ? pinAgain(side, path) : firstPin(side, schema, greetedBy()))
  const control = () => path?.control ?? (schema === undefined ? undefined : quoted(schema))

  return {
    encoding: () => path?.encoding,
    around: (statements, isOpen) => {
      const needsPins = !isSettled
      const isWrapped = needsPins && !isOpen && !isBegin(statements[0])
      const all = isWrapped ? [plain(beginAlone[side]), pin()] : []
      const pinsAt = isWrapped ? [1] : []
      const places = statements.map((statement, index) => {
        const place = all.push(withControlSchema(statement, control() ?? '')) - 1
        if (needsPins && isBegun(statement, statements[index + 1])) pinsAt.push(all.push(pin()) - 1)
        return place
      })
      // The same as commit, and unlike it where somebody looks for the end of what a caller has begun.
      if (isWrapped) all.push(plain('end'))
      const learn: PinnedStatements['learn'] = (results, isStillOpen) => {
        path ??= pinsAt.flatMap((place) => (results[place] ?? []) as readonly PathRow[])[0]
        isSettled ||= path?.lasts === true && pinsAt.length > 0 && !isStillOpen
      }
      return { all, places, isWrapped, learn }
    },
    areTooEarly: (statements) => control() === undefined && statements.some(isAboutControl),
  }
}

/** A pin is a query, and a snapshot can only be taken over before the first one. */
const isBegun = (statement: CompiledQuery, next: CompiledQuery | undefined) =>
  isImport(statement) || (isBegin(statement) && !isImport(next))

const isImport = (statement: CompiledQuery | undefined) =>
  statement?.sql.startsWith('set transaction snapshot ') === true

export const isBegin = (statement: CompiledQuery | undefined) => /^\s*begin\b/i.test(statement?.sql ?? '')
