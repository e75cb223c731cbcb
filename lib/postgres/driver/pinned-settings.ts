import type { Side } from './session.js'

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
 * them. `client_encoding` is pinned as well, by `encoding.ts`, and the search path, to schemas that `search-path.ts` selects.
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

/** The setting in which a transaction finds the path that the role itself has: the names of schemas, as an array. */
export const ownPathSetting = 'chatwoot_sync.own_path'
