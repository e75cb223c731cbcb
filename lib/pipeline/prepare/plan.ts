import { createHash } from 'node:crypto'

import { addedColumns } from '../../chatwoot/added-columns.js'
import { chatwootShape, isKnownColumn, requireChatwoot, type ChatwootColumn } from '../../chatwoot/catalog.js'
import * as chatwoot from '../../chatwoot/conversation-row.js'
import { tablesOf, tablesToRead, type ChatwootTables } from '../../chatwoot/tables-read.js'
import type { CustomRelation } from '../../domain/custom-relation.js'
import { SyncError } from '../../domain/errors.js'
import type { Warning } from '../../domain/report.js'
import type { ResolvedOptions } from '../../options.js'
import { shapeOf, type Column, type Relation, type Shape } from '../../postgres/driver/catalog.js'
import { identifier } from '../../postgres/driver/identifier.js'
import type { CustomRead } from '../../postgres/source/custom-relation.js'
import type { NamedTable } from '../../postgres/source/table-locks.js'
import type { LoadPlan } from '../../postgres/target/load-plan.js'
import { chatwootLoadOf, earlierLoadOf, loadableColumns, missingInTarget, type ChatwootLoad } from './chatwoot-load.js'
import {
  columnsIgnored,
  exactStamp,
  filterColumns,
  ignorableColumns,
  planConversions,
  readInAnotherWay,
  requireInSource,
  sourceTypes,
  stampOf,
} from './custom-columns.js'
import type { KnownColumns } from './held-columns.js'
import { planProtection, type ProtectionPlan } from './protections.js'

/** The options that decide what is read and where it goes. */
export type PlanOptions = Pick<
  ResolvedOptions,
  | 'relation'
  | 'table'
  | 'accounts'
  | 'inboxes'
  | 'timeZone'
  | 'chatwootUrl'
  | 'columns'
  | 'hashSecret'
  | 'messageTexts'
  | 'allowLossy'
> & { readonly transform?: unknown; readonly known?: KnownColumns | undefined }

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

/**
 * Checks that the source can be read and that the table can take it. Throws COLUMN_MISSING, COLUMN_TYPE_MISMATCH, SOURCE_FORBIDDEN or
 * TARGET_COLUMN_MISSING.
 */
export function makePlan(
  source: SourceFacts,
  table: Relation,
  options: PlanOptions,
): Omit<Plan, 'forgotten'> {
  return options.relation
    ? planCustom(source.relation, table, options, options.relation)
    : planChatwoot(source, table, options)
}

/** The tables that are read, as their statements name them. */
export function tablesRead({ custom, tables }: Pick<Plan, 'custom' | 'tables'>): readonly NamedTable[] {
  return custom ? [custom.relation] : tablesToRead(tables)
}

function planChatwoot(
  { relation: conversations, chatwoot: read }: SourceFacts,
  table: Relation,
  options: PlanOptions,
): Omit<Plan, 'forgotten'> {
  requireChatwoot(read)
  const wanted = chatwootLoadOf(table, read)
  requireUnique(table, chatwoot.key)
  const { columns, warnings } = loadableColumns(table, wanted.present, chatwoot.key)
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
    earlierFingerprint: () => planned(earlier(), earlierLoadOf(table, read)).fingerprint,
    shapes: { source: chatwootShape(read), target: shapeOf(table) },
    warnings: [...(unknown.length > 0 ? [columnsUnknown(unknown)] : []), ...wanted.warnings, ...warnings],
  }
}

function planCustom(
  relation: Relation,
  table: Relation,
  options: PlanOptions,
  { name, key, changedAt, changedAtZone, ignoreChanges }: CustomRelation,
): Omit<Plan, 'forgotten'> {
  requireInSource(relation, name, [key, changedAt, ...filterColumns(options)])
  const present = table.columns.filter(
    (column) => columnOf(relation, column.name) && !isBookkeeping(column.name),
  )
  if (!columnOf(table, key)) missingInTarget(table, [key])
  requireUnique(table, key)
  const { columns: shared, warnings } = loadableColumns(table, present, key)
  const stamp = stampOf(relation, name, changedAt)
  const { conversions, lossy, ...more } = planConversions(relation, shared, options.allowLossy)
  const ignored = relation.columns
    .filter(({ name: column }) => !columnOf(table, column))
    .map((column) => column.name)
  const read = {
    relation,
    key,
    changedAt: stamp,
    changedAtZone,
    columns: shared,
    accounts: options.accounts,
    inboxes: options.inboxes,
  }
  const load = {
    table,
    key,
    columns: shared,
    scope: scopeOf(table, options),
    changedAt: exactStamp(stamp, shared, changedAtZone),
    conversions,
    lossy,
    ignored: ignorableColumns(ignoreChanges, relation, [key, changedAt]),
  }
  return {
    load,
    custom: read,
    ...{ tables: new Map(), isFirst: false, earlierFingerprint: () => undefined },
    estimatedRows: relation.estimatedRows,
    ...protectedBy(options, load, changedAt, [
      relation.schema,
      relation.name,
      ...sourceTypes(relation, shared),
      ...readInAnotherWay(relation, load),
    ]),
    shapes: { source: shapeOf(relation), target: shapeOf(table) },
    warnings: [
      ...(ignored.length > 0 ? [columnsIgnored(ignored, options.table)] : []),
      ...warnings,
      ...more.warnings,
    ],
  }
}

/** With a filter, the table may hold rows of other pipelines too. */
function scopeOf(
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

const columnOf = ({ columns }: Relation, name: string): Column | undefined =>
  columns.find((column) => column.name === name)

/** Columns that show when this package wrote, not what the source holds. */
function isBookkeeping(name: string): boolean {
  return ['etl_inserted_at', 'etl_updated_at', 'deleted_at'].includes(name)
}

const definitionOf = (
  { read, queryVersion, isFirst }: ChatwootLoad,
  { chatwootUrl }: Pick<PlanOptions, 'chatwootUrl'>,
) => [
  ...[...chatwootShape(read)].flat(),
  queryVersion,
  ...(isFirst || chatwootUrl === undefined ? [] : [chatwootUrl]),
]

const unprotected: ProtectionPlan = { columns: new Map(), digest: null, namedDigest: null, held: [] }

function protectedBy(
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

function requireUnique(table: Relation, key: string): void {
  if (table.uniqueColumns.includes(key)) return
  const message = `The table ${table.name} has no unique index on ${key} alone.`
  throw new SyncError('TARGET_COLUMN_MISSING', message, {
    remedy: `Create one: create unique index on ${identifier(table.schema, table.name)} (${identifier(key)});`,
    details: { column: key },
  })
}

function columnsUnknown(columns: readonly string[]): Warning {
  const message = `conversations has columns that this release of chatwoot-sync does not know: ${columns.join(', ')}. They are left out.`
  return { code: 'COLUMNS_IGNORED', message }
}
