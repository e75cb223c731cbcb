import * as z from 'zod/mini'

import { SyncError } from '../domain/errors.js'
import type { ConversationRow } from './row.js'

/** A column of the conversation row, or one of a custom relation. */
export type ColumnName = keyof ConversationRow | (string & Record<never, never>)

/** How columns with personal data are protected before a byte of them leaves the source. NULL stays NULL. */
export interface ColumnRules {
  /** NULL in every row. */
  readonly exclude?: readonly ColumnName[] | undefined
  /** A hash keyed with `hashSecret` in place of the text: equal texts stay equal, over runs too; see `hashColumnValue`. */
  readonly hash?: readonly ColumnName[] | undefined
  /** The shape of the text: its length, spaces and punctuation, digits as 9, capitals as X and everything else as x. */
  readonly mask?: readonly ColumnName[] | undefined
  /**
   * Of these columns of type json or jsonb, the named keys alone; of a list, those of each object in it. Everything else in them stays in the
   * source: `{ custom_attributes: ['plan', 'city'] }`.
   */
  readonly keepKeys?: Readonly<Partial<Record<ColumnName, readonly string[]>>> | undefined
  /**
   * Loaded as they are, although a release added them with personal data to a table whose runs protect something: without a name here or above
   * such a column stays empty.
   */
  readonly include?: readonly ColumnName[] | undefined
}

const column = z.string().check(z.regex(/\S/))
const columns = z.optional(z.array(column))
/** No server can hold a NUL. */
const jsonKey = z.string().check(z.regex(/^[^\0]+$/, 'must be a text without NUL'))
const keepKeys = z.optional(z.record(column, z.array(jsonKey).check(z.minLength(1))))

/** What `ColumnRules` may hold. */
export const rulesSchema = z.strictObject({
  ...{ exclude: columns, hash: columns, mask: columns },
  ...{ keepKeys, include: columns },
})

/** The columns of which less than everything is loaded. */
export const protectedColumns = ({ exclude = [], hash = [], mask = [], keepKeys = {} }: ColumnRules) => [
  ...[...exclude, ...hash, ...mask],
  ...Object.keys(keepKeys),
]

/**
 * Whether the rules contradict each other; whether the columns exist is checked later, against the catalog. Throws CONFIG_INVALID and, for hashes
 * without a key, CONFIG_MISSING.
 */
export function checkRules(rules: ColumnRules, hashSecret: string | undefined): void {
  const { hash = [], include = [] } = rules
  const all = [...protectedColumns(rules), ...include]
  const twice = all.filter((column, index) => all.indexOf(column) !== index)
  if (twice.length > 0) {
    throw new SyncError('CONFIG_INVALID', `columns names ${twice.join(', ')} more than once.`, {
      remedy: 'Exclude, hash, mask or include a column, or keep some of its keys: one of the five.',
    })
  }
  if (hash.length > 0 && hashSecret === undefined) {
    throw new SyncError('CONFIG_MISSING', 'columns.hash needs hashSecret, the key of the hashes.', {
      remedy:
        'Use a random text and keep it, for example from: openssl rand -base64 32 (CHATWOOT_SYNC_HASH_SECRET).',
    })
  }
}
