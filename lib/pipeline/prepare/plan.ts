import { createHash } from 'node:crypto'

import * as chatwoot from '../../chatwoot/conversation-row.js'
import type { Warning } from '../../domain/report.js'
import type { CustomRelation, ResolvedOptions } from '../../options.js'
import { isStamp } from '../../postgres/driver/column-types.js'
import type { CustomRead } from '../../postgres/source/custom-relation.js'
import type { LoadPlan } from '../../postgres/target/upsert.js'
import type { Column, Relation } from '../../postgres/driver/catalog.js'
import { rowColumns } from '../../chatwoot/columns.js'
import {
  columnsIgnored,
  columnsUnknown,
  missingInSource,
  missingInTarget,
  notAStamp,
  requireSameContent,
  requireUnique,
} from './plan-refusals.js'
import { isKnownColumn } from '../../chatwoot/source-columns.js'
import { chatwootShape, requireChatwoot, type ChatwootColumn } from '../../chatwoot/catalog.js'
import { shapeOf, type Shape } from './shape.js'
import type { Protections } from '../../postgres/source/protection.js'
import { protectionDigest, protectionsOf } from './protections.js'

/** What is read and where it goes, checked against both catalogs before any row is read. */
export interface Plan {
  readonly load: LoadPlan
  /** Of a relation of the caller's own. */
  readonly custom: CustomRead | undefined
  /** Rows in the source by the planner's estimate. */
  readonly estimatedRows: number | null
  /** Stands for everything that a state holds for: with another one, the next run reads everything. */
  readonly fingerprint: string
  /** Contacts whose conversations are not read, by id. */
  readonly forgotten: readonly string[]
  /** How columns are protected before they leave the source. */
  readonly protections: Protections
  /** Stands for `protections` and the secret of the hashes; null where nothing is protected. */
  readonly protectionDigest: string | null
  /** What both sides looked like when the statements were made. */
  readonly shapes: { readonly source: Shape; readonly target: Shape }
  readonly warnings: readonly Warning[]
}

/** The source as its catalog tells it. */
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
  options: ResolvedOptions,
): Omit<Plan, 'forgotten'> {
  return options.relation
    ? planCustom(source.relation, table, options, options.relation)
    : planChatwoot(source, table, options)
}

function planChatwoot(
  { relation: conversations, chatwoot: read }: SourceFacts,
  table: Relation,
  options: ResolvedOptions,
): Omit<Plan, 'forgotten'> {
  requireChatwoot(read)
  const columns = rowColumns.map((name) => columnOf(table, name) ?? missingInTarget(table, [name]))
  requireUnique(table, chatwoot.key)
  const { key, changedAt } = chatwoot
  const load = { table, key, columns, scope: scopeOf(table, options), changedAt }
  const shape = chatwootShape(read)
  const unknown = conversations.columns.filter(({ name }) => !isKnownColumn(name)).map(({ name }) => name)
  return {
    load,
    custom: undefined,
    estimatedRows: conversations.estimatedRows,
    ...protectedBy(options, load, changedAt, [...[...shape].flat(), chatwoot.queryVersion]),
    shapes: { source: shape, target: shapeOf(table) },
    warnings: unknown.length > 0 ? [columnsUnknown(unknown)] : [],
  }
}

function planCustom(
  relation: Relation,
  table: Relation,
  options: ResolvedOptions,
  { name, key, changedAt }: CustomRelation,
): Omit<Plan, 'forgotten'> {
  for (const needed of [
    key,
    changedAt,
    ...(options.accounts ? ['account_id'] : []),
    ...(options.inboxes ? ['inbox_id'] : []),
  ]) {
    if (!columnOf(relation, needed)) throw missingInSource(relation, name, needed)
  }
  const shared = table.columns.filter(
    (column) => columnOf(relation, column.name) && !isBookkeeping(column.name),
  )
  if (!columnOf(table, key)) missingInTarget(table, [key])
  requireUnique(table, key)
  const stamp = columnOf(relation, changedAt)
  if (!stamp || !isStamp(stamp.type)) throw notAStamp(name, changedAt, stamp?.type)
  for (const column of shared) requireSameContent(columnOf(relation, column.name), column)
  const ignored = relation.columns
    .filter(({ name: column }) => !columnOf(table, column))
    .map((column) => column.name)
  const read = {
    relation,
    key,
    changedAt: stamp,
    columns: shared,
    accounts: options.accounts,
    inboxes: options.inboxes,
  }
  const load = {
    table,
    key,
    columns: shared,
    scope: scopeOf(table, options),
    changedAt: isExact(stamp, columnOf(table, changedAt)) ? changedAt : undefined,
  }
  return {
    load,
    custom: read,
    estimatedRows: relation.estimatedRows,
    ...protectedBy(options, load, changedAt, [
      relation.schema,
      relation.name,
      ...sourceTypes(relation, shared),
    ]),
    shapes: { source: shapeOf(relation), target: shapeOf(table) },
    warnings: ignored.length > 0 ? [columnsIgnored(ignored, options.table)] : [],
  }
}

/** With a filter, the table may hold the rows of other pipelines too. */
function scopeOf(table: Relation, { accounts, inboxes }: ResolvedOptions): LoadPlan['scope'] {
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

/** Whether both columns tell the time of a change; a date would show every change of a day as hours late. */
function isExact(...columns: readonly (Column | undefined)[]): boolean {
  return columns.every((column) => column && isStamp(column.type) && column.type !== 'date')
}

/** Columns that say when this package wrote, not what the source holds. */
function isBookkeeping(name: string): boolean {
  return ['etl_inserted_at', 'etl_updated_at', 'deleted_at'].includes(name)
}

/** A column that changes its type can change what the same rows look like. */
function sourceTypes(relation: Relation, columns: readonly Column[]): string[] {
  return columns.map(({ name }) => columnOf(relation, name)?.type ?? '')
}

function protectedBy(
  options: ResolvedOptions,
  load: LoadPlan,
  changedAt: string,
  definition: readonly (string | number)[],
): Pick<Plan, 'protections' | 'protectionDigest' | 'fingerprint'> {
  const protections = protectionsOf(options, load, changedAt)
  const digest = protectionDigest(options, protections)
  const more = digest === null ? definition : [...definition, digest]
  return { protections, protectionDigest: digest, fingerprint: fingerprintOf(options, load.columns, more) }
}

function fingerprintOf(
  options: ResolvedOptions,
  columns: readonly Column[],
  more: readonly (string | number)[],
): string {
  const { relation, accounts, inboxes, timeZone, table } = options
  const sorted = (ids: readonly number[] | undefined) => ids && [...new Set(ids)].sort((a, b) => a - b)
  const facts = [
    relation,
    sorted(accounts),
    sorted(inboxes),
    timeZone,
    table,
    columns,
    more,
    options.transform !== undefined,
  ]
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 32)
}
