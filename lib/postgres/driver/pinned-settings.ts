import { sql, type CompiledQuery } from 'kysely'

import { lockSeedSetting, ownPathSetting, pathsOf } from './search-path.js'
import type { Side } from './session.js'
import { compile } from './statement.js'

/** A setting that has the same value in every session of ours, whatever the server, the database and the role say. */
export interface PinnedSetting {
  readonly name: string
  readonly value: string
  /** What another value would do. */
  readonly reason: string
  /** Only where it is the target's: in a transaction it has no effect, and the source may be behind a pooler. */
  readonly isForSession?: true
}

/**
 * Every setting that changes how a statement or a value is read or written, that hides rows, or that cuts a run. Any role may set each of
 * them. `client_encoding` is pinned as well, and the search path, to schemas that `search-path.ts` selects.
 */
export const pinnedSettings: readonly PinnedSetting[] = [
  {
    name: 'standard_conforming_strings',
    value: 'on',
    reason: 'Off, a backslash in a literal begins an escape.',
  },
  {
    name: 'backslash_quote',
    value: 'safe_encoding',
    reason: 'It decides whether an escaped quote ends a literal.',
  },
  {
    name: 'escape_string_warning',
    value: 'off',
    reason: 'On, each literal with a backslash logs a warning where strings do not conform.',
  },
  { name: 'array_nulls', value: 'on', reason: 'Off, NULL in the text of an array is a word.' },
  {
    name: 'quote_all_identifiers',
    value: 'off',
    reason: 'On, the catalog writes the names of types in quotes.',
  },
  {
    name: 'transform_null_equals',
    value: 'off',
    reason: 'On, a comparison with NULL means another thing than in SQL.',
  },
  { name: 'DateStyle', value: 'ISO, YMD', reason: 'It orders day and month in the texts of dates.' },
  { name: 'IntervalStyle', value: 'postgres', reason: 'It is the text form of intervals.' },
  { name: 'TimeZone', value: 'UTC', reason: 'Times with a zone are written, and dates begin, in it.' },
  {
    name: 'timezone_abbreviations',
    value: 'Default',
    reason: 'Abbreviations of zones mean other offsets.',
  },
  { name: 'lc_monetary', value: 'C', reason: 'Amounts of money are written and read in its form.' },
  { name: 'extra_float_digits', value: '1', reason: 'Below 1 floats are rounded.' },
  { name: 'bytea_output', value: 'hex', reason: 'It is the text form of bytes.' },
  { name: 'xmlbinary', value: 'base64', reason: 'It is the form of bytes within XML.' },
  { name: 'xmloption', value: 'content', reason: 'Document rejects fragments of XML.' },
  {
    name: 'gin_fuzzy_search_limit',
    value: '0',
    reason: 'Above 0, a search by a GIN index leaves out rows by chance.',
  },
  {
    name: 'restrict_nonsystem_relation_kind',
    value: '',
    reason: 'It forbids to read views or foreign tables.',
  },
  { name: 'exit_on_error', value: 'off', reason: 'On, one rejected row ends the session.' },
  {
    name: 'client_min_messages',
    value: 'warning',
    reason: 'Nobody reads notices, and debug sends thousands.',
  },
  { name: 'jit', value: 'off', reason: 'Compiling the statements of a run costs more than it saves.' },
  {
    name: 'statement_timeout',
    value: '0',
    reason: 'The options of a run say how long a statement may take.',
  },
  { name: 'lock_timeout', value: '0', reason: 'The options of a run say how long it waits for a lock.' },
  {
    name: 'idle_in_transaction_session_timeout',
    value: '0',
    reason: 'One side idles while the other one works.',
  },
  {
    name: 'transaction_timeout',
    value: '0',
    reason: 'A run reads and writes in transactions as long as the run.',
  },
  {
    name: 'idle_session_timeout',
    value: '0',
    reason: 'The target idles while the source is read, and would lose the lock of the run.',
    isForSession: true,
  },
  {
    name: 'default_transaction_isolation',
    value: 'read committed',
    reason: 'Statements outside of a transaction that says its own would fail where another one writes.',
    isForSession: true,
  },
  {
    name: 'default_transaction_deferrable',
    value: 'off',
    reason: 'On, a transaction may wait for others before it begins.',
    isForSession: true,
  },
]

/**
 * How a transaction begins where nobody has begun one. Its modes are said, as a role has defaults of its own; but a target whose default is
 * read only, as hosts make it when a disk is full, is not to be written to.
 */
export const beginAlone: Readonly<Record<Side, string>> = {
  source: 'begin isolation level read committed read only, not deferrable',
  target: 'begin isolation level read committed, not deferrable',
}

/** What the first pin of a connection has found. */
export interface PathRow {
  readonly own: string
  readonly safe: string
  /** Of the keys of our locks. */
  readonly lock_seed: string
  /** The schema of our tables in the target, as SQL writes it. */
  readonly control: string
  /** Of the database. */
  readonly encoding: string
  /** The settings hold until the connection ends. */
  readonly lasts: boolean
}

const pinnedNames = [
  ...pinnedSettings.map(({ name }) => name),
  'client_encoding',
  // Not pinned, but chosen by a load.
  'default_toast_compression',
  ownPathSetting,
  lockSeedSetting,
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
  ${sql.raw(pinItems(side, 'false'))}
from ${pathsOf(side, schema)}`)
}

/** For a connection that goes back to its owner. */
export function restoreSettings(earlier: EarlierSettings): CompiledQuery {
  const items = pinnedNames.flatMap((name) => {
    const value = earlier[name] ?? (name.startsWith('chatwoot_sync.') ? '' : null)
    return value === null ? [] : [sql`pg_catalog.set_config(${name}, ${value}, false)`]
  })
  return compile(sql`select ${sql.join(items)}`)
}

/** The select list is computed from left to right: the path is the last thing that changes. */
export function firstPin(side: Side, schema: string | undefined, process: string | undefined): CompiledQuery {
  const lasts = side === 'source' ? 'false' : isProcess(process)
  const isLocal = `(not ${lasts})`
  return compile(sql`
select
  ${sql.raw(pinItems(side, isLocal))},
  ${sql.raw(lasts)} as lasts
from ${pathsOf(side, schema)}`)
}

const isProcess = (process: string | undefined) =>
  process === undefined ? 'true' : `pg_catalog.pg_backend_pid() operator(pg_catalog.=) ${Number(process)}`

const pinItems = (side: Side, isLocal: string) => `
  ${pinningItem(side, isLocal)},
  ${encodingItem(side, isLocal)},
  paths.control as control,
  ${databaseEncoding} as encoding,
  pg_catalog.set_config('${ownPathSetting}', paths.own, ${isLocal}) as own,
  pg_catalog.set_config('${lockSeedSetting}', paths.lock_seed, ${isLocal}) as lock_seed,
  pg_catalog.set_config('search_path', paths.safe, ${isLocal}) as safe`

export function pinAgain(side: Side, { own, safe, lock_seed: seed, lasts }: PathRow): CompiledQuery {
  const isLocal = String(!lasts)
  return compile(sql`
select
  ${sql.raw(pinningItem(side, isLocal))},
  pg_catalog.set_config(${sql.lit(ownPathSetting)}, ${own}, ${sql.raw(isLocal)}) as own,
  pg_catalog.set_config(${sql.lit(lockSeedSetting)}, ${seed}, ${sql.raw(isLocal)}) as lock_seed,
  ${sql.raw(encodingItem(side, isLocal))},
  pg_catalog.set_config('search_path', ${safe}, ${sql.raw(isLocal)}) as safe`)
}

/**
 * Pins the settings, as one item of a select list: a call of `set_config` for each would take the server as long to plan as all else in it.
 * It holds no backslash, and every name in it is qualified. `isLocal` is SQL.
 */
function pinningItem(side: Side, isLocal: string): string {
  const rows = pinnedSettings
    .filter(({ isForSession }) => !isForSession || side === 'target')
    .map(({ name, value }) => `('${name}', '${value}')`)
  return `(
    select pg_catalog.count(pg_catalog.set_config(pinned.name, pinned.value, ${isLocal}))
    from (
      values
        ${rows.join(',\n        ')}
    ) pinned (name, value)
    where pg_catalog.current_setting(pinned.name, true) is not null
  ) as pinned`
}

/**
 * The call of `set_config` that pins the encoding in which texts come and go. A source without one would otherwise end the whole read at the
 * first byte that is not UTF-8.
 */
function encodingItem(side: Side, isLocal: string): string {
  const encoding =
    side === 'target'
      ? `'UTF8'`
      : `case when ${databaseEncoding} operator(pg_catalog.=) 'SQL_ASCII'::pg_catalog.text then 'SQL_ASCII' else 'UTF8' end`
  return `pg_catalog.set_config('client_encoding', ${encoding}, ${isLocal})`
}

/** Of the type text. */
const databaseEncoding = 'pg_catalog.getdatabaseencoding()::pg_catalog.text'
