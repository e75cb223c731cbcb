import { addedColumns, changedColumns, oldViewColumns } from '../../chatwoot/added-columns.js'
import { withoutExtra, type ChatwootColumn } from '../../chatwoot/catalog.js'
import { firstColumns } from '../../chatwoot/columns.js'
import { firstQueryVersion, queryVersion } from '../../chatwoot/conversation-row.js'
import { SyncError } from '../../domain/errors.js'
import type { Warning } from '../../domain/report.js'
import type { Column, Relation } from '../../postgres/driver/catalog.js'

/** What a table can take of the conversations, as its migrations have left it. */
export interface ChatwootLoad {
  /** Columns of the table that are loaded. */
  readonly present: readonly Column[]
  /** No column for the numbers of Chatwoot's reports is there: the table gets what it was loaded with before, and the state stays valid. */
  readonly isFirst: boolean
  /** The source without what only the added columns need. */
  readonly read: readonly ChatwootColumn[]
  readonly queryVersion: number
  readonly warnings: readonly Warning[]
}

/** Throws TARGET_COLUMN_MISSING for a column that every table of the first release has. */
export function chatwootLoadOf(table: Relation, source: readonly ChatwootColumn[]): ChatwootLoad {
  const columns = new Map(table.columns.map((column) => [column.name, column]))
  const first = firstColumns.map((name) => columns.get(name) ?? missingInTarget(table, [name]))
  const added = Object.keys(addedColumns)
  const present = added.flatMap((name) => columns.get(name) ?? [])
  const lacking = added.filter((name) => !columns.has(name))
  const isFirst = present.every(({ name }) => oldViewColumns.includes(name))
  return {
    present: [...first, ...present],
    isFirst,
    read: isFirst ? withoutExtra(source) : source,
    queryVersion: isFirst ? firstQueryVersion : queryVersion,
    warnings: lacking.length > 0 ? [waitsForMigration(table, lacking)] : [],
  }
}

/** The same for the table as the first release has left it. */
export function earlierLoadOf(table: Relation, source: readonly ChatwootColumn[]): ChatwootLoad {
  return chatwootLoadOf({ ...table, columns: table.columns.filter(({ name }) => !(name in addedColumns)) }, source)
}

/** The column of the row that a column of the table gets. */
export function cellNameOf(name: string, isFirst: boolean): string {
  return isFirst && changedColumns.includes(name) ? `earlier_${name}` : name
}

function waitsForMigration({ name }: Relation, lacking: readonly string[]): Warning {
  const some = lacking.slice(0, 3).join(', ')
  const more = lacking.length > 3 ? ` and ${lacking.length - 3} more` : ''
  const message = `The table ${name} lacks columns of this release: ${some}${more}. Run chatwoot-sync migrate to get them.`
  return { code: 'COLUMNS_IGNORED', message }
}

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

/** Throws for columns that the table lacks. */
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
