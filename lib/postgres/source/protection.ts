import { sql, type CompiledQuery, type RawBuilder } from 'kysely'

import type { HashKey } from '../../domain/column-hash.js'
import { compile } from '../driver/statement.js'

/** How a column's content is replaced before it leaves the source: by NULL, by a keyed hash of it, by its shape, or by some of its keys. */
export type Protection = 'exclude' | 'hash' | 'mask' | KeptKeys

/** Columns that are protected, by name. */
export type Protections = ReadonlyMap<string, Protection>

/** The expression that the source returns in place of the cell. NULL stays NULL. */
export function protect(cell: RawBuilder<unknown>, how: Protection): RawBuilder<unknown> {
  if (typeof how === 'object') return withKeys(cell, how)
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
 * Passes the key of hashed columns to the transaction, where the statements that read find it. It goes as parameters, so that it is part
 * of no text: these a server shows while they run, logs when they fail or are slow, and keeps in pg_stat_statements.
 */
export function passHashKey({ inner, outer }: HashKey): CompiledQuery {
  return compile(sql`
    select
      pg_catalog.set_config(${sql.lit(settings.inner)}, ${`\\x${inner}`}, true) is not null as inner,
      pg_catalog.set_config(${sql.lit(settings.outer)}, ${`\\x${outer}`}, true) is not null as outer`)
}

/** Bytes without an encoding are hashed as they are. */
const encoding = sql`case getdatabaseencoding() when 'SQL_ASCII' then 'SQL_ASCII' else 'UTF8' end`

/** HMAC-SHA256 with what every server has since release 11. The key is looked up once for a statement, not for each row. */
function hashed(cell: RawBuilder<unknown>): RawBuilder<unknown> {
  const block = (name: string) => sql`(select current_setting(${sql.lit(name)})::bytea)`
  const within = sql`sha256(${block(settings.inner)} || convert_to((${cell})::text, ${encoding}))`
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

/** The keys of a json object that may leave the source; in a list those of each object in it. */
export interface KeptKeys {
  readonly keepKeys: readonly string[]
}

/**
 * The cell as json with these keys alone. What a list holds beside objects is null there, and what is neither an object nor a list is NULL. Read
 * as json rather than jsonb, so that values are passed on as they are.
 */
function withKeys(cell: RawBuilder<unknown>, { keepKeys }: KeptKeys): RawBuilder<unknown> {
  const keys = sql`array[${sql.join(keepKeys.map((key) => sql.lit(key)))}]::text[]`
  const reduced = (object: RawBuilder<unknown>) => sql`(
    select coalesce(json_object_agg(member.key, member.value), '{}')
    from json_each(${object}) member
    where member.key = any(${keys})
  )`
  const json = sql`(${cell})::json`
  return sql`
    case json_typeof(${json})
      when 'object' then ${reduced(json)}
      when 'array' then (
        select coalesce(
          json_agg(case json_typeof(entry.value) when 'object' then ${reduced(sql`entry.value`)} end order by entry.place),
          '[]'
        )
        from json_array_elements(${json}) with ordinality entry (value, place)
      )
    end`
}
