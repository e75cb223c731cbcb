import { sql, type CompiledQuery } from 'kysely'

import { beginAlone, ownPathSetting, pinnedSettings } from './pinned-settings.js'
import { quoted } from './own-schema.js'
import { pathsOf } from './search-path.js'
import type { RowsOfEach, Session, Side } from './session.js'
import { compile, isAboutControl, plain, withControlSchema } from './statement.js'

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
  /** Takes what the pins have returned. */
  learn(results: readonly (readonly unknown[])[]): void
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
  /** The statement that pins the settings of the open transaction. */
  pin(): CompiledQuery
}

interface PathRow {
  readonly own: string
  readonly safe: string
  /** The schema of our tables in the target, as SQL writes it. */
  readonly control: string
  /** Of the database. */
  readonly encoding: string
}

/** The path is looked up once a connection: it costs a look at all functions. */
export function sessionPins(side: Side, schema?: string): SessionPins {
  let path: PathRow | undefined

  const pin = () => (path ? pinTo(side, path) : firstPin(side, schema))
  const control = () => path?.control ?? (schema === undefined ? undefined : quoted(schema))

  return {
    pin,
    encoding: () => path?.encoding,
    around: (statements, isOpen) => {
      const isWrapped = !isOpen && !isBegin(statements[0])
      const all = isWrapped ? [plain(beginAlone[side]), pin()] : []
      const pinsAt = isWrapped ? [1] : []
      const places = statements.map((statement) => {
        const place = all.push(withControlSchema(statement, control() ?? '')) - 1
        if (isBegin(statement)) pinsAt.push(all.push(pin()) - 1)
        return place
      })
      // The same as commit, and unlike it where somebody looks for the end of what a caller has begun.
      if (isWrapped) all.push(plain('end'))
      const learn = (results: readonly (readonly unknown[])[]) => {
        path ??= pinsAt.flatMap((place) => (results[place] ?? []) as readonly PathRow[])[0]
      }
      return { all, places, isWrapped, learn }
    },
    areTooEarly: (statements) => control() === undefined && statements.some(isAboutControl),
  }
}

export const isBegin = (statement: CompiledQuery | undefined) => /^\s*begin\b/i.test(statement?.sql ?? '')

const pinnedNames = [
  ...pinnedSettings.map(({ name }) => name),
  'client_encoding',
  ownPathSetting,
  'search_path',
]

/** Settings by name as they were; null for those that this release of the server lacks. */
export type EarlierSettings = Readonly<Record<string, string | null>> & Pick<PathRow, 'control' | 'encoding'>

/** Pins the settings until the connection ends or `restoreSettings` is run, and returns what they were. */
export function pinWholeSession(side: Side, schema?: string): CompiledQuery<EarlierSettings> {
  const earlier = pinnedNames.map((name) => `pg_catalog.current_setting('${name}', true) as "${name}"`)
  return compile(sql<EarlierSettings>`
select
  ${sql.raw(earlier.join(',\n  '))},
  ${sql.raw(pinningItem(side, true))},
  ${sql.raw(encodingItem(side, false))},
  ${sql.raw(pathItems(false))}
from ${pathsOf(side, schema)}`)
}

/** For a connection that goes back to its owner. */
export function restoreSettings(earlier: EarlierSettings): CompiledQuery {
  const items = pinnedNames.flatMap((name) => {
    const value = earlier[name] ?? (name === ownPathSetting ? '' : null)
    return value === null ? [] : [sql`pg_catalog.set_config(${name}, ${value}, false)`]
  })
  return compile(sql`select ${sql.join(items)}`)
}

/** The select list is computed from left to right: the path is the last thing that changes. */
function firstPin(side: Side, schema: string | undefined): CompiledQuery {
  return compile(sql`
select
  ${sql.raw(pinningItem(side))},
  ${sql.raw(encodingItem(side, true))},
  ${sql.raw(pathItems(true))}
from ${pathsOf(side, schema)}`)
}

const pathItems = (isLocal: boolean) => `
  pg_catalog.set_config('${ownPathSetting}', paths.own, ${isLocal}) as own,
  pg_catalog.set_config('search_path', paths.safe, ${isLocal}) as safe,
  paths.control as control,
  ${databaseEncoding} as encoding`

function pinTo(side: Side, { own, safe }: PathRow): CompiledQuery {
  return compile(sql`
select
  ${sql.raw(pinningItem(side))},
  pg_catalog.set_config(${sql.lit(ownPathSetting)}, ${own}, true) as own,
  ${sql.raw(encodingItem(side, true))},
  pg_catalog.set_config('search_path', ${safe}, true) as safe`)
}

/**
 * Pins the settings, as one item of a select list: a call of `set_config` for each would take the server as long to plan as all else in it.
 * It holds no backslash, and every name in it is qualified.
 */
function pinningItem(side: Side, isWholeSession = false): string {
  const rows = pinnedSettings
    .filter(({ isForSession }) => !isForSession || side === 'target')
    .map(({ name, value, isForSession }) => `('${name}', '${value}', ${!isWholeSession && !isForSession})`)
  return `(
    select pg_catalog.count(pg_catalog.set_config(pinned.name, pinned.value, pinned.is_local))
    from (
      values
        ${rows.join(',\n        ')}
    ) pinned (name, value, is_local)
    where pg_catalog.current_setting(pinned.name, true) is not null
  ) as pinned`
}

/**
 * The call of `set_config` that pins the encoding in which texts come and go. A source without one would otherwise end the whole read at the
 * first byte that is not UTF-8.
 */
function encodingItem(side: Side, isLocal: boolean): string {
  const encoding =
    side === 'target'
      ? `'UTF8'`
      : `case ${databaseEncoding} when 'SQL_ASCII' then 'SQL_ASCII' else 'UTF8' end`
  return `pg_catalog.set_config('client_encoding', ${encoding}, ${isLocal})`
}

/** For a select list and for the simple form of case, whose operator is that of the type text in the catalog. */
const databaseEncoding = 'pg_catalog.getdatabaseencoding()::pg_catalog.text'
