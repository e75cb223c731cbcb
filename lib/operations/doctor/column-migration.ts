import { sql } from 'kysely'

import { columnTypeFor } from '../../postgres/column-types.js'
import type { Column, Relation } from '../../postgres/relation.js'
import { compile } from '../../postgres/statement.js'

/** A dbmate migration that adds columns of the source to the table, up and down; undefined where nothing can be added. */
export function columnMigration(
  { schema, name }: Pick<Relation, 'schema' | 'name'>,
  columns: readonly Column[],
): string | undefined {
  // A line break in a name could end the part of the file that goes up.
  const fitting = columns.filter((column) => !/\p{Cc}/u.test(column.name))
  if (fitting.length === 0) return undefined
  const table = sql.id(schema, name)
  const added = fitting.map(
    (column) => sql`\n  add column ${sql.id(column.name)} ${sql.raw(columnTypeFor(column.type))}`,
  )
  const dropped = fitting.map((column) => sql`\n  drop column ${sql.id(column.name)}`)
  return [
    '-- Columns that the source has and the table lacked. The next run loads them for every row.',
    '',
    '-- migrate:up',
    `${compile(sql`alter table ${table}${sql.join(added, sql`,`)}`).sql};`,
    '',
    '-- migrate:down',
    `${compile(sql`alter table ${table}${sql.join(dropped, sql`,`)}`).sql};`,
    '',
  ].join('\n')
}
