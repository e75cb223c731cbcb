import type { ColumnRules } from '../../chatwoot/column-rules.js'
import { SyncError } from '../../domain/errors.js'
import type { CustomRelation } from '../../domain/custom-relation.js'
import type { Warning } from '../../domain/report.js'
import type { ResolvedOptions } from '../../options.js'
import { shapeOf, type Column, type Relation } from '../../postgres/driver/catalog.js'
import { comparisonOf, type Comparison } from '../../postgres/driver/types/comparison.js'
import {
  type ColumnType,
  isBuiltIn,
  isFreeText,
  isNumber,
  isOneOf,
  isPoint,
} from '../../postgres/driver/types/column-type.js'
import { conversionOf } from '../../postgres/driver/types/conversion.js'
import { requireUnique, type LoadPlan } from '../../postgres/target/load-plan.js'
import {
  columnOf,
  loadableColumns,
  missingInTarget,
  protectedBy,
  scopeOf,
  type Plan,
  type PlanOptions,
} from './plan.js'

/**
 * Checks that the relation can be read and that the table can take it. Throws COLUMN_MISSING, COLUMN_TYPE_MISMATCH, SOURCE_FORBIDDEN or
 * TARGET_COLUMN_MISSING.
 */
export function planCustom(
  relation: Relation,
  table: Relation,
  options: PlanOptions,
  { name, key, changedAt, changedAtZone, ignoreChanges }: CustomRelation,
): Omit<Plan, 'forgotten'> {
  requireInSource(relation, name, [key, changedAt, ...filterColumns(options)])
  requireJson(relation, options.columns)
  const present = table.columns.filter(
    (column) => columnOf(relation, column.name) && !isBookkeeping(column.name),
  )
  if (!columnOf(table, key)) missingInTarget(table, key, options)
  const { columns: shared, warnings } = loadableColumns(table, present, key)
  requireUnique(table, key, shared)
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

/** Throws CONFIG_INVALID for keys of a column that need not be json: one row that is none would end the statement. */
function requireJson(relation: Relation, { keepKeys = {} }: ColumnRules = {}): void {
  const wrong = Object.keys(keepKeys).flatMap((name) => columnOf(relation, name) ?? [])
  const first = wrong.find(({ definition }) => !isOneOf(definition.kind, 'json', 'jsonb'))
  if (!first) return
  const message = `columns.keepKeys names ${first.name}, but its type in the source is ${first.type}, which has no keys.`
  throw new SyncError('CONFIG_INVALID', message, {
    remedy: 'Exclude it, or cast it to json in the relation.',
    details: { column: first.name },
  })
}

/** Columns that show when this package wrote, not what the source holds. */
function isBookkeeping(name: string): boolean {
  return ['etl_inserted_at', 'etl_updated_at', 'deleted_at'].includes(name)
}

/** Names of the columns that a filter needs. */
export const filterColumns = ({ accounts, inboxes }: Pick<ResolvedOptions, 'accounts' | 'inboxes'>) => [
  ...(accounts ? ['account_id'] : []),
  ...(inboxes ? ['inbox_id'] : []),
]

/** Throws COLUMN_MISSING or SOURCE_FORBIDDEN for a column that the relation lacks or hides. */
export function requireInSource(relation: Relation, name: string, needed: readonly string[]): void {
  const missing = needed.find((column) => !columnOf(relation, column))
  if (missing !== undefined) throw missingInSource(relation, name, missing)
}

/** The column that shows what changed. Throws COLUMN_TYPE_MISMATCH where it holds no time. */
export function stampOf(relation: Relation, name: string, changedAt: string): Column {
  const stamp = columnOf(relation, changedAt)
  if (!stamp || !isPoint(stamp.definition.kind)) throw notAStamp(name, changedAt, stamp?.type)
  return stamp
}

/** The stamp where both of its columns hold a time; a date would show every change of a day as hours late. */
export function exactStamp(
  stamp: Column,
  loaded: readonly Column[],
  changedAtZone: string | undefined,
): LoadPlan['changedAt'] {
  const stored = loaded.find(({ name }) => name === stamp.name)
  const isTime = ({ definition }: Column) => isPoint(definition.kind) && definition.kind !== 'date'
  if (!stored || !isTime(stamp) || !isTime(stored)) return undefined
  return { column: stamp.name, zone: stamp.definition.kind === 'timestamptz' ? undefined : changedAtZone }
}

/** A column that changes its type can change what the same rows look like. */
export function sourceTypes(relation: Relation, columns: readonly Column[]): string[] {
  return columns.map(({ name }) => columnOf(relation, name)?.type ?? '')
}

/** Checked: the relation has them, and no run finds a row or its change by them. Throws CONFIG_INVALID. */
export function ignorableColumns(
  names: readonly string[] | undefined,
  relation: Relation,
  needed: readonly string[],
): readonly string[] | undefined {
  const wrong = names?.find((name) => needed.includes(name) || !columnOf(relation, name))
  if (wrong === undefined) return names
  const why = needed.includes(wrong)
    ? 'by which rows and their changes are found'
    : 'which the relation does not have'
  throw new SyncError('CONFIG_INVALID', `relation.ignoreChanges names ${wrong}, ${why}.`, {
    remedy: 'Correct it, or leave it out.',
    details: { column: wrong },
  })
}

/** What becomes of values between columns of two types. */
export interface ConversionPlan extends Pick<LoadPlan, 'conversions' | 'lossy'> {
  readonly warnings: readonly Warning[]
}

type Allowed = ResolvedOptions['allowLossy']

/**
 * Decides for each column by both types. Throws COLUMN_TYPE_MISMATCH where no value could arrive, and CONFIG_INVALID for an `allowLossy` that
 * names no column of these.
 */
export function planConversions(
  relation: Pick<Relation, 'columns'>,
  columns: readonly Column[],
  allowLossy: Allowed,
): ConversionPlan {
  requireKnown(allowLossy, columns)
  const conversions = new Map<string, Comparison>()
  const lossy: string[] = []
  const described: string[] = []
  for (const to of columns) {
    const from = relation.columns.find(({ name }) => name === to.name)
    if (!from) continue
    const { conversion, isAllowed } = outcomeOf(from, to, allowLossy)
    if (isAllowed) conversions.set(to.name, { by: 'target', canCollapse: true })
    else if (isOtherType(from, to)) conversions.set(to.name, toComparison(from.definition, to.definition))
    if (conversion !== 'by value' || isAllowed) continue
    lossy.push(to.name)
    described.push(`${to.name} (${from.type} into ${to.type})`)
  }
  return { conversions, lossy, warnings: described.length > 0 ? [columnsLossy(described)] : [] }
}

/** Columns of which an earlier release loaded other values: those of lossy types, and of domains over numbers and times. */
export function readInAnotherWay(
  relation: Pick<Relation, 'columns'>,
  { columns, lossy }: Pick<LoadPlan, 'columns' | 'lossy'>,
): string[] {
  const cleaned = columns.flatMap(({ name }) => {
    const definition = relation.columns.find((column) => column.name === name)?.definition
    const isCleaned = definition && (isNumber(definition.kind) || isPoint(definition.kind))
    return isCleaned && definition.isDomain ? [name] : []
  })
  return [...lossy.map((name) => `lossy ${name}`), ...cleaned.map((name) => `cleaned ${name}`)]
}

function outcomeOf(from: Column, to: Column, allowLossy: Allowed) {
  const conversion = conversionOf(from.definition, to.definition)
  const isNamed = allowLossy === true || (Array.isArray(allowLossy) && allowLossy.includes(to.name))
  const isAllowed = isNamed && conversion !== 'same'
  if (conversion === 'mismatch' && !isAllowed) throw mismatch(from, to)
  return { conversion, isAllowed }
}

/** Where texts are read, several can be one value. */
function toComparison(from: ColumnType, to: ColumnType): Comparison {
  const comparison = comparisonOf(from, to)
  return { ...comparison, canCollapse: comparison.by !== 'text' && isFreeText(from.kind) }
}

const isOtherType = ({ definition: from }: Column, { definition: to }: Column) =>
  from.oid !== to.oid || from.modifier !== to.modifier || !isBuiltIn(to)

function requireKnown(allowLossy: Allowed, columns: readonly Column[]): void {
  if (!Array.isArray(allowLossy)) return
  const unknown = allowLossy.filter((name) => !columns.some((column) => column.name === name))
  if (unknown.length === 0) return
  throw new SyncError(
    'CONFIG_INVALID',
    `allowLossy names ${unknown.join(', ')}, but no such column is loaded.`,
    { remedy: 'Correct the name.', details: { columns: unknown } },
  )
}

function mismatch(from: Column, to: Column): SyncError {
  return new SyncError(
    'COLUMN_TYPE_MISMATCH',
    `Column ${to.name} is ${from.type} in the source and ${to.type} in the target, which cannot hold it.`,
    {
      remedy: 'Change the type of the target column.',
      details: { column: to.name, sourceType: from.type, targetType: to.type },
    },
  )
}

function columnsLossy(described: readonly string[]): Warning {
  const message = `Columns of the target cannot hold every value of the source: ${described.join(', ')}. A row whose value would change is rejected; change the type of the column, or accept the change with allowLossy.`
  return { code: 'COLUMNS_LOSSY', message }
}

function missingInSource({ forbidden }: Relation, relation: string, column: string): SyncError {
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

function notAStamp(relation: string, column: string, type = 'unknown'): SyncError {
  return new SyncError(
    'COLUMN_TYPE_MISMATCH',
    `Column ${column} of ${relation} is ${type}, which holds no time.`,
    {
      remedy: 'Name a column of type timestamp, timestamptz or date in relation.changedAt.',
      details: { column, sourceType: type },
    },
  )
}

/** A warning about columns that have no place in the table. */
export function columnsIgnored(columns: readonly string[], table: string): Warning {
  const message = `Columns of the source that ${table} does not have were left out: ${columns.join(', ')}.`
  return { code: 'COLUMNS_IGNORED', message }
}
