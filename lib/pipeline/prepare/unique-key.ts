import { SyncError } from '../../domain/errors.js'
import type { Column, Relation } from '../../postgres/driver/catalog.js'
import { identifier } from '../../postgres/driver/identifier.js'

/**
 * Checks that the table keeps rows apart by the key: by a unique index on it alone or, in a partitioned table, on it and the columns by which
 * that is partitioned, all of which are loaded. Throws TARGET_COLUMN_MISSING.
 */
export function requireUnique(table: Relation, key: string, loaded: readonly Column[]): void {
  const rules = table.writing.keys.filter(({ column }) => column === key)
  if (rules.length === 0) throw keyNotUnique(table, key)
  const isLoaded = (name: string) => loaded.some((column) => column.name === name)
  const missing = rules.flatMap(({ beside }) => beside.filter((name) => !isLoaded(name)))
  if (missing.length > 0) throw partitionUnknown(table, missing)
}

function keyNotUnique({ schema, name }: Relation, key: string): SyncError {
  return new SyncError('TARGET_COLUMN_MISSING', `The table ${name} has no unique index on ${key} alone.`, {
    remedy: `Create one: create unique index on ${identifier(schema, name)} (${identifier(key)});`,
    details: { column: key },
  })
}

/** Where a row belongs is one of its values. */
function partitionUnknown({ name }: Relation, columns: readonly string[]): SyncError {
  const message = `The table ${name} is partitioned by ${columns.join(', ')}, which is not loaded.`
  return new SyncError('TARGET_COLUMN_MISSING', message, {
    remedy: 'Load it, or partition the table by a column that is.',
    details: { columns: [...columns] },
  })
}
