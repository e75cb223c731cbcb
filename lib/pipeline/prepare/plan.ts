import { createHash } from 'node:crypto'

import { addedColumns, changedColumns, oldViewColumns } from '../../chatwoot/added-columns.js'
import {
  chatwootShape,
  isKnownColumn,
  requireChatwoot,
  tablesOf,
  tablesToRead,
  withoutExtra,
  type ChatwootColumn,
  type ChatwootTables,
} from '../../chatwoot/catalog.js'
import { firstColumns } from '../../chatwoot/columns.js'
import * as chatwoot from '../../chatwoot/conversation-row.js'
import { SyncError } from '../../domain/errors.js'
import { migrateCommand } from '../../domain/migrate-command.js'
import type { Warning } from '../../domain/report.js'
import type { ResolvedOptions } from '../../options.js'
import { shapeOf, type Column, type Relation, type Shape } from '../../postgres/driver/catalog.js'
import type { CustomRead } from '../../postgres/source/custom-relation.js'
import type { NamedTable } from '../../postgres/source/relation-identity.js'
import { requireUnique, type LoadPlan } from '../../postgres/target/load-plan.js'
import type { KnownColumns } from './held-columns.js'
import { planProtection, type ProtectionPlan } from './protections.js'

/** The options that decide what is read and where it goes. */
export type PlanOptions = Pick<
  ResolvedOptions,
  | 'relation'
  | 'table'
  | 'schema'
  | 'accounts'
  | 'inboxes'
  | 'timeZone'
  | 'chatwootUrl'
  | 'columns'
  | 'hashSecret'
  | 'messageTexts'
  | 'allowLossy'
> & { readonly transform?: unknown; readonly known?: KnownColumns | undefined }

type Place = Pick<PlanOptions, 'schema'>

/** What is read and where it goes, checked against both catalogs before any row is read. */
export interface Plan {
  readonly load: LoadPlan
  /** How a custom relation is read; undefined for the built-in query. */
  readonly custom: CustomRead | undefined
  readonly tables: ChatwootTables
  /** The table has none of the columns that were added since the first release; what changed with them is loaded as before. */
  readonly isFirst: boolean
  /** Rows in the source by the planner's estimate. */
  readonly estimatedRows: number | null
  /** Identifies what a state is valid for: with another one, the next run is a full load. */
  readonly fingerprint: string
  /** The same for a table without the columns that migrations have added since the first release; undefined for a custom relation. */
  readonly earlierFingerprint: () => string | undefined
  /** Contacts whose conversations are not read, by id. */
  readonly forgotten: readonly string[]
  readonly protection: ProtectionPlan
  /** What both sides looked like when the statements were made. */
  readonly shapes: { readonly source: Shape; readonly target: Shape }
  readonly warnings: readonly Warning[]
}

/** The source as its catalog describes it. */
export interface SourceFacts {
  /** The relation that is read, or the table of the conversations. */
  readonly relation: Relation
  /** Of the built-in query only. */
  readonly chatwoot: readonly ChatwootColumn[]
}

/** The tables that are read, as their statements name them. */
export function tablesRead({ custom, tables }: Pick<Plan, 'custom' | 'tables'>): readonly NamedTable[] {
  return custom ? [custom.relation] : tablesToRead(tables)
}

export function planChatwoot(
  { relation: conversations, chatwoot: read }: SourceFacts,
  table: Relation,
  options: PlanOptions,
): Omit<Plan, 'forgotten'> {
  requireChatwoot(read)
  const wanted = chatwootLoadOf(table, read, options)
  const { columns, warnings } = loadableColumns(table, wanted.present, chatwoot.key)
  requireUnique(table, chatwoot.key, columns)
  const { key, changedAt } = chatwoot
  const load = {
    table,
    key,
    columns,
    scope: scopeOf(table, options),
    changedAt: columns.some(({ name }) => name === changedAt) ? { column: changedAt } : undefined,
    // The source returns each column in the type of the target.
    conversions: new Map(),
    lossy: [],
  }
  const planned = (part: LoadPlan, of: ChatwootLoad) =>
    protectedBy(options, part, changedAt, definitionOf(of, options))
  const earlier = () => ({ ...load, columns: columns.filter(({ name }) => !(name in addedColumns)) })
  const unknown = conversations.columns.filter(({ name }) => !isKnownColumn(name)).map(({ name }) => name)
  return {
    ...{ load, custom: undefined, tables: tablesOf(wanted.read), isFirst: wanted.isFirst },
    estimatedRows: conversations.estimatedRows,
    ...planned(load, wanted),
    earlierFingerprint: () => planned(earlier(), earlierLoadOf(table, read, options)).fingerprint,
    shapes: { source: chatwootShape(read), target: shapeOf(table) },
    warnings: [...(unknown.length > 0 ? [columnsUnknown(unknown)] : []), ...wanted.warnings, ...warnings],
  }
}

/** With a filter, the table may hold rows of other pipelines too. */
export function scopeOf(
  table: Relation,
  { accounts, inboxes }: Pick<PlanOptions, 'accounts' | 'inboxes'>,
): LoadPlan['scope'] {
  const wanted = [
    { column: 'account_id', values: accounts },
    { column: 'inbox_id', values: inboxes },
  ]
  return wanted.flatMap(({ column, values }) =>
    values && columnOf(table, column) ? [{ column, values }] : [],
  )
}

export const columnOf = ({ columns }: Relation, name: string): Column | undefined =>
  columns.find((column) => column.name === name)

const definitionOf = (
  { read, queryVersion, isFirst }: ChatwootLoad,
  { chatwootUrl }: Pick<PlanOptions, 'chatwootUrl'>,
) => [
  ...[...chatwootShape(read)].flat(),
  queryVersion,
  ...(isFirst || chatwootUrl === undefined ? [] : [chatwootUrl]),
]

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
export function chatwootLoadOf(table: Relation, source: readonly ChatwootColumn[], at: Place): ChatwootLoad {
  const columns = new Map(table.columns.map((column) => [column.name, column]))
  const first = firstColumns.map((name) => columns.get(name) ?? missingInTarget(table, name, at))
  const added = Object.keys(addedColumns)
  const present = added.flatMap((name) => columns.get(name) ?? [])
  const lacking = added.filter((name) => !columns.has(name))
  const isFirst = present.every(({ name }) => oldViewColumns.includes(name))
  return {
    present: [...first, ...present],
    isFirst,
    read: isFirst ? withoutExtra(source) : source,
    queryVersion: isFirst ? chatwoot.firstQueryVersion : chatwoot.queryVersion,
    warnings: lacking.length > 0 ? [waitsForMigration(table, lacking, at)] : [],
  }
}

/** The same for the table as the first release has left it. */
export function earlierLoadOf(table: Relation, source: readonly ChatwootColumn[], at: Place): ChatwootLoad {
  return chatwootLoadOf(
    { ...table, columns: table.columns.filter(({ name }) => !(name in addedColumns)) },
    source,
    at,
  )
}

/** The column of the row that a column of the table gets. */
export function cellNameOf(name: string, isFirst: boolean): string {
  return isFirst && changedColumns.includes(name) ? `earlier_${name}` : name
}

function waitsForMigration({ name }: Relation, lacking: readonly string[], { schema }: Place): Warning {
  const some = lacking.slice(0, 3).join(', ')
  const more = lacking.length > 3 ? ` and ${lacking.length - 3} more` : ''
  const message = `The table ${name} lacks columns of this release: ${some}${more}. Run ${migrateCommand(schema)} to get them.`
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

/** Throws for a column that the table lacks. */
export function missingInTarget({ name: table }: Relation, column: string, { schema }: Place): never {
  throw new SyncError('TARGET_COLUMN_MISSING', `The table ${table} lacks the column ${column}.`, {
    remedy: `Run ${migrateCommand(schema)}, or add it.`,
    details: { columns: [column] },
  })
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

const unprotected: ProtectionPlan = { columns: new Map(), digest: null, namedDigest: null, held: [] }

export function protectedBy(
  options: PlanOptions,
  load: LoadPlan,
  changedAt: string,
  definition: readonly (string | number)[],
): Pick<Plan, 'protection' | 'fingerprint'> {
  const isProtected = options.columns !== undefined || !options.messageTexts
  const protection = isProtected ? planProtection(options, load, changedAt) : unprotected
  const more = protection.digest === null ? definition : [...definition, protection.digest]
  return { protection, fingerprint: fingerprintOf(options, load.columns, more) }
}

function fingerprintOf(
  options: PlanOptions,
  columns: readonly Column[],
  more: readonly (string | number)[],
): string {
  const { relation, accounts, inboxes, timeZone, table } = options
  const sorted = (ids: readonly number[] | undefined) => ids && [...new Set(ids)].sort((a, b) => a - b)
  const facts = [
    relation && { ...relation, ignoreChanges: undefined },
    sorted(accounts),
    sorted(inboxes),
    timeZone,
    table,
    columns.map(({ name, type }) => ({ name, type })),
    more,
    options.transform !== undefined,
  ]
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 32)
}

function columnsUnknown(columns: readonly string[]): Warning {
  const message = `conversations has columns that this release of chatwoot-sync does not know: ${columns.join(', ')}. They are left out.`
  return { code: 'COLUMNS_IGNORED', message }
}

/** Forgotten contacts are left out by contact_id; without it their rows would come back. */
export function requireContactColumn({ custom, forgotten }: Pick<Plan, 'custom' | 'forgotten'>): void {
  if (!custom || forgotten.length === 0) return
  if (custom.relation.columns.some(({ name }) => name === 'contact_id')) return
  throw new SyncError(
    'COLUMN_MISSING',
    `${forgotten.length} contacts are forgotten, and the relation ${custom.relation.name} has no column contact_id to leave them out by.`,
    { remedy: 'Add contact_id to the relation.', details: { column: 'contact_id' } },
  )
}
