import { sql, type RawBuilder } from 'kysely'

import type { HashKey } from '../../domain/column-hash.js'

/** How a column's content is replaced before it leaves the source: by NULL, by a keyed hash of it, or by its shape. */
export type Protection = 'exclude' | 'hash' | 'mask'

/** Columns that are protected, by name. */
export type Protections = ReadonlyMap<string, Protection>

/** The expression that the source returns in place of the cell. NULL stays NULL. */
export function protect(cell: RawBuilder<unknown>, how: Protection): RawBuilder<unknown> {
  switch (how) {
    case 'exclude':
      return sql`null::text`
    case 'hash':
      return hashed(cell)
    case 'mask':
      return masked(cell)
  }
}

const settings = { inner: 'chatwoot_sync.hash_inner', outer: 'chatwoot_sync.hash_outer' } as const

/**
 * Passes the key of hashed columns to the transaction, where the statements that read find it. So it is not part of their texts,
 * which a server shows while they run, and logs when they fail or are slow.
 */
export function passHashKey({ inner, outer }: HashKey): string[] {
  return [`set local ${settings.inner} = '\\x${inner}'`, `set local ${settings.outer} = '\\x${outer}'`]
}

/** HMAC-SHA256 with what every server has since release 11. The key is looked up once for a statement, not for each row. */
function hashed(cell: RawBuilder<unknown>): RawBuilder<unknown> {
  const block = (name: string) => sql`(select current_setting(${sql.lit(name)})::bytea)`
  const within = sql`sha256(${block(settings.inner)} || convert_to((${cell})::text, 'UTF8'))`
  return sql`encode(sha256(${block(settings.outer)} || ${within}), 'hex')`
}

/** In this order: what one step writes, the next ones leave alone. */
const shapes = [
  { of: '[0-9]', becomes: '9' },
  { of: '[A-ZÀ-ÖØ-Þ]', becomes: 'X' },
  // Whatever is neither punctuation nor white space of ASCII counts as a letter: a list of letters would let some pass.
  { of: '[^9Xx -/:-@[-`{-~\\t\\n\\r]', becomes: 'x' },
] as const

function masked(cell: RawBuilder<unknown>): RawBuilder<unknown> {
  return shapes.reduce<RawBuilder<unknown>>(
    (text, { of, becomes }) => sql`regexp_replace(${text}, ${of}::text, ${becomes}::text, 'g')`,
    sql`(${cell})::text`,
  )
}
