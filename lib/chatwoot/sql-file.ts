import { readFileSync } from 'node:fs'

import { sql, type RawBuilder } from 'kysely'

/**
 * A statement of db/chatwoot with a value or an expression for each `:name` in it. Values go as parameters; the text is the same for every
 * run with the same expressions.
 */
export function sqlFile<Row>(
  file: string,
  values: Readonly<Record<string, string | null | RawBuilder<unknown>>>,
): RawBuilder<Row> {
  const text = (texts[file] ??= readFileSync(new URL(`../../db/chatwoot/${file}`, import.meta.url), 'utf8'))
  // A comment could hold a colon or a quote, and the server has no use for it.
  const bare = text.replaceAll(/^\s*--.*\n/gm, '')
  const pieces = bare.split(/(?<![:\w]):([a-z_]+)/)
  return sql<Row>`${sql.join(
    pieces.map((piece, index) => (index % 2 === 0 ? sql.raw(piece) : sql`${values[piece] ?? null}`)),
    sql.raw(''),
  )}`
}

const texts: Record<string, string> = {}
