import { sql, type RawBuilder } from 'kysely'

import { type ColumnType, isOneOf, isPoint, isText, lengthOf } from '../driver/types/column-type.js'
import { asShown } from '../driver/types/comparison.js'

/** Columns of a conversation in which an empty text means that there is none. */
const identifiers = new Set([
  'assignee_email',
  'contact_email',
  'contact_phone',
  'contact_identifier',
  'client_phone',
])

/** An escaped NUL: one behind an even number of backslashes, as those of an odd number are a backslash and a text. */
const nulEscape = String.raw`(?<!\\)((?:\\\\)*)\\u0000`

/**
 * The cell of `r` as it is read. What a target cannot hold or an analyst cannot use becomes NULL: NaN and infinite numbers, infinite times,
 * empty texts where the target's column is no text or names a person. NUL escapes, which jsonb rejects, are removed from json. What is
 * within an array, a range or a composite value is left as it is.
 */
export function cleaned(name: string, from: ColumnType, to: ColumnType): RawBuilder<unknown> {
  const cell = sql`r.${sql.id(name)}`
  if (isOneOf(from.kind, 'numeric', 'real', 'double')) {
    // Only a finite number less itself is zero. Release 13 does not know an infinite numeric even by name.
    return sql`case when ${cell} - ${cell} = 0 then ${cell} end`
  }
  if (isPoint(from.kind)) return sql`case when isfinite(${cell}) then ${cell} end`
  if (to.kind === 'jsonb' && (from.kind === 'json' || isText(from.kind))) {
    return sql`regexp_replace(nullif(${cell}::text, ''), ${sql.lit(nulEscape)}, ${sql.lit(String.raw`\1`)}, 'g')`
  }
  // A server shows one letter, and a cast writes a word, as the comparison does.
  if (from.kind === 'boolean' && to.kind !== 'boolean') return sql`${cell}::text`
  // A cast writes the length of its mask where the server shows none.
  if (from.kind === 'network' && to.kind !== 'network') return asShown(cell)
  // Its text has the sign and the separators of a country, which only money reads.
  if (from.kind === 'money' && !isText(to.kind) && to.kind !== 'money') return sql`${cell}::numeric`
  return isText(from.kind) ? cleanedText(name, from, to) : cell
}

function cleanedText(name: string, from: ColumnType, to: ColumnType): RawBuilder<unknown> {
  const cell = sql`r.${sql.id(name)}`
  if (!isText(to.kind)) return sql`nullif(${cell}::text, '')`
  const [here, there] = [lengthOf(from) ?? Infinity, lengthOf(to) ?? Infinity]
  const isCut = to.kind === 'varchar' && here > there
  // A cast to text takes the spaces that fill it up, which the server shows; where it fits, they arrive.
  const isFilledAgain = to.kind === 'character' && there < Infinity
  if (from.kind === 'character' && !isFilledAgain) return isCut ? sql`${cell}::text` : asShown(cell)
  const text = identifiers.has(name) ? sql`nullif(${cell}::text, '')` : cell
  return isCut ? uncut(text, there) : text
}

/** A text that is too long only by spaces would be cut without a word. With a dot behind them the server rejects it, as any other that is too long. */
function uncut(cell: RawBuilder<unknown>, length: number): RawBuilder<unknown> {
  const most = sql.lit(length)
  return sql`
    case
      when octet_length(${cell}::text) > ${most}
        and char_length(${cell}::text) > ${most}
        and char_length(rtrim(${cell}::text, ' ')) <= ${most}
        then ${cell}::text || '.'
      else ${cell}::text
    end`
}
