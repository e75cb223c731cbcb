import { columnTypeFor } from '../../postgres/driver/column-types.js'
import { identifier } from '../../postgres/driver/identifier.js'
import type { Column, Relation } from '../../postgres/driver/catalog.js'

/**
 * A dbmate migration that adds columns of the source, one at least, to the table, up and down. No name has a line break in it that could
 * end the part of the file that goes up.
 */
export function columnMigration(
  { schema, name }: Pick<Relation, 'schema' | 'name'>,
  columns: readonly Column[],
): string {
  const table = identifier(schema, name)
  const added = columns.map(
    (column) => `  add column ${identifier(column.name)} ${columnTypeFor(column.type)}`,
  )
  const dropped = columns.map((column) => `  drop column ${identifier(column.name)}`)
  return [
    '-- Columns that the source has and the table lacked. The next run loads them for every row.',
    '',
    '-- migrate:up',
    `alter table ${table}\n${added.join(',\n')};`,
    '',
    '-- migrate:down',
    `alter table ${table}\n${dropped.join(',\n')};`,
    '',
  ].join('\n')
}
