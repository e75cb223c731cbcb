import { SyncError } from '../../domain/errors.js'
import type { Warning } from '../../domain/report.js'
import { losesContent } from '../../postgres/driver/column-types.js'
import { identifier } from '../../postgres/driver/identifier.js'
import type { Column, Relation } from '../../postgres/driver/catalog.js'

export function requireUnique(table: Relation, key: string): void {
  if (table.uniqueColumns.includes(key)) return
  throw new SyncError(
    'TARGET_COLUMN_MISSING',
    `The table ${table.name} has no unique index on ${key} alone.`,
    {
      remedy: `Create one: create unique index on ${identifier(table.schema, table.name)} (${identifier(key)});`,
      details: { column: key },
    },
  )
}

export function requireSameContent(from: Column | undefined, to: Column): void {
  if (!from || !losesContent(from.type, to.type)) return
  throw new SyncError(
    'COLUMN_TYPE_MISMATCH',
    `Column ${to.name} is ${from.type} in the source and ${to.type} in the target, which cannot hold it.`,
    {
      remedy: 'Change the type of the target column.',
      details: { column: to.name, sourceType: from.type, targetType: to.type },
    },
  )
}

export function missingInSource({ forbidden }: Relation, relation: string, column: string): SyncError {
  if (forbidden.includes(column)) {
    return new SyncError(
      'SOURCE_FORBIDDEN',
      `The source role may not read column ${column} of ${relation}.`,
      {
        remedy: `Grant select on ${relation} to it.`,
        details: { column },
      },
    )
  }
  return new SyncError('COLUMN_MISSING', `The source relation ${relation} has no column ${column}.`, {
    remedy: 'Correct relation.key, relation.changedAt or the filter.',
    details: { column },
  })
}

export function missingInTarget(table: Relation, columns: readonly string[]): never {
  throw new SyncError(
    'TARGET_COLUMN_MISSING',
    `The table ${table.name} lacks the column ${columns.join(', ')}.`,
    {
      remedy: 'Run chatwoot-sync migrate, or add it.',
      details: { columns: [...columns] },
    },
  )
}

export function notAStamp(relation: string, column: string, type = 'unknown'): SyncError {
  return new SyncError(
    'COLUMN_TYPE_MISMATCH',
    `Column ${column} of ${relation} is ${type}, which tells no time.`,
    {
      remedy: 'Name a column of type timestamp, timestamptz or date in relation.changedAt.',
      details: { column, sourceType: type },
    },
  )
}

export function columnsUnknown(columns: readonly string[]): Warning {
  const message = `conversations has columns that this release of chatwoot-sync does not know: ${columns.join(', ')}. They are left out.`
  return { code: 'COLUMNS_IGNORED', message }
}

export function columnsIgnored(columns: readonly string[], table: string): Warning {
  const message = `Columns of the source that ${table} does not have were left out: ${columns.join(', ')}.`
  return { code: 'COLUMNS_IGNORED', message }
}
