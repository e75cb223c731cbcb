import { SyncError } from '../../domain/errors.js'
import type { Warning } from '../../domain/report.js'
import type { Column, Relation } from '../../postgres/driver/catalog.js'

/**
 * The columns into which a value can be loaded, with a warning for the others. A generated column takes none; an identity that is always
 * generated takes one when a row is inserted and none when it is updated, which is enough for the key alone.
 * Throws TARGET_COLUMN_MISSING for a key that the table computes itself.
 */
export function loadableColumns(
  { name: table, writing: { generated, identities } }: Relation,
  present: readonly Column[],
  key: string,
): { readonly columns: readonly Column[]; readonly warnings: readonly Warning[] } {
  if (generated.includes(key)) throw keyGenerated(table, key)
  const isLoaded = ({ name }: Column) =>
    !generated.includes(name) && (name === key || !identities.includes(name))
  const columns = present.filter(isLoaded)
  const left = present.filter((column) => !isLoaded(column)).map(({ name }) => name)
  return { columns, warnings: left.length > 0 ? [columnsGenerated(table, left)] : [] }
}

function keyGenerated(table: string, key: string): SyncError {
  return new SyncError(
    'TARGET_COLUMN_MISSING',
    `Column ${key} of ${table} is generated: the table computes it, so no key can be loaded into it.`,
    { remedy: 'Make it a plain column, or name another key.', details: { column: key } },
  )
}

function columnsGenerated(table: string, left: readonly string[]): Warning {
  const message = `Columns that ${table} generates itself were left out: ${left.join(', ')}.`
  return { code: 'COLUMNS_IGNORED', message }
}
