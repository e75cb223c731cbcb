import { SyncError } from '../../domain/errors.js'
import type { Session } from '../../postgres/driver/session.js'
import { existingTables, readHolder, type TableHolder } from '../../postgres/partition/holder.js'
import {
  copyNames,
  monthsFromNow,
  monthTable,
  restMonth,
  type Shape,
} from '../../postgres/partition/copy-table.js'
import {
  countDoubleKeys,
  countMonths,
  readRowFacts,
  type RowFacts,
} from '../../postgres/partition/copy-rows.js'
import { findObstacles } from '../../postgres/partition/obstacles.js'
import { partitionTime, readRebuiltTable, type RebuiltTable } from '../../postgres/partition/rebuilt-table.js'

/** What is to be rebuilt, and into what. */
export interface Rebuilding {
  readonly table: RebuiltTable
  readonly shape: Shape
  readonly facts: RowFacts
  /** Rows by month; months ahead have none. */
  readonly months: ReadonlyMap<string, number>
}

/**
 * Looks at everything that could keep the table from being rebuilt. Throws TABLE_NOT_REBUILDABLE with all of it, and TARGET_FORBIDDEN for a role
 * that is not a member of its owner.
 */
export async function prepareRebuilding(
  target: Session,
  table: RebuiltTable,
  wanted: { readonly shape: Shape; readonly monthsAhead: number; readonly isBegun: boolean },
): Promise<Rebuilding> {
  const { shape, isBegun } = wanted
  const holder = await readHolder(target, table)
  if (!holder.isOwner) throw notOwner(table)
  const inShape = [...problemsOfShape(table, shape, holder), ...(await findObstacles(target, table))]
  // What is asked about the rows needs its columns.
  if (table.columns.timeType === null) throw notRebuildable(table, inShape)
  const facts = await readRowFacts(target, table)
  const months = await monthsOf(target, table, wanted)
  const problems = [
    ...inShape,
    ...(await problemsOfRows(target, table, shape, facts)),
    ...problemsOfLocks(table, months, holder),
    ...(isBegun ? await problemsOfCopy(target, table) : await takenNames(target, table, shape, months)),
  ]
  if (problems.length > 0) throw notRebuildable(table, problems)
  return { table, shape, facts, months }
}

function problemsOfShape(table: RebuiltTable, shape: Shape, { isPartmans }: TableHolder): string[] {
  const { kind, key, columns, name, indexes } = table
  const expected = shape === 'months' ? 1 : 2
  const isKeyed = key?.columns.length === expected && (expected === 1 || key.columns[1] === partitionTime)
  const { timeType } = columns
  return [
    ...(kind === 'other' ? ['it is not a table, or is partitioned in another way'] : []),
    ...(isKeyed ? [] : [`its primary key is not one column${expected === 1 ? '' : ` and ${partitionTime}`}`]),
    ...(timeType === 'timestamp without time zone'
      ? []
      : [
          timeType === null
            ? `it has no column ${partitionTime}`
            : `${partitionTime} has the type ${timeType}`,
        ]),
    ...(Buffer.byteLength(name) + '_default'.length > 63 ? ['its name is too long for those of months'] : []),
    ...(shape === 'plain' && isPartmans ? ['pg_partman makes its partitions'] : []),
    ...indexes.flatMap((index) => (index.definition === null ? [`index ${index.name}`] : [])),
  ]
}

async function problemsOfRows(
  target: Session,
  table: RebuiltTable,
  shape: Shape,
  { withoutTime }: RowFacts,
): Promise<string[]> {
  const key = table.key?.columns[0]
  const doubles = shape === 'plain' && key !== undefined ? await countDoubleKeys(target, table, key) : 0
  return [
    ...(shape === 'months' && withoutTime > 0
      ? [`${withoutTime} rows without ${partitionTime}, by which it would be partitioned`]
      : []),
    ...(doubles > 0 ? [`${doubles} keys are there more than once: run verify --repair first`] : []),
  ]
}

/** A statement over the whole table locks each month and each index of it, and servers have room for so many. */
function problemsOfLocks(
  { indexes }: RebuiltTable,
  months: ReadonlyMap<string, number>,
  { lockSlots }: TableHolder,
): string[] {
  const needed = (months.size + 1) * (indexes.length + 3)
  return needed * 2 <= lockSlots
    ? []
    : [
        `${months.size} months need about ${needed} locks of the ${lockSlots}: raise max_locks_per_transaction`,
      ]
}

async function takenNames(
  target: Session,
  table: RebuiltTable,
  shape: Shape,
  months: ReadonlyMap<string, number>,
): Promise<string[]> {
  const { copy, rest, before } = copyNames(table)
  const leaves =
    shape === 'months' ? [rest, ...[...months.keys()].map((month) => monthTable(table, month))] : []
  const taken = await existingTables(target, [copy, before, ...leaves])
  return taken.map((name) =>
    name === before.name
      ? `there is still the table of before, ${name}: drop it with --drop-before ${name}`
      : `there is a table ${name} already`,
  )
}

/** A table that was altered meanwhile is another one than its copy. */
async function problemsOfCopy(target: Session, table: RebuiltTable): Promise<string[]> {
  const copy = await readRebuiltTable(target, copyNames(table).copy)
  const columns = (of: RebuiltTable | undefined) => JSON.stringify(of?.columns.stored)
  return columns(copy) === columns(table)
    ? []
    : ['its columns have changed since the rebuilding began: run it with --cancel, and begin anew']
}

async function monthsOf(
  target: Session,
  table: RebuiltTable,
  { shape, monthsAhead }: { readonly shape: Shape; readonly monthsAhead: number },
): Promise<ReadonlyMap<string, number>> {
  const counted = await countMonths(target, table)
  if (shape === 'plain') return counted
  const names = new Set(
    [...counted.keys(), ...monthsFromNow(monthsAhead)].filter((month) => month !== restMonth),
  )
  const rest = counted.has(restMonth) ? [restMonth] : []
  return new Map([...[...names].sort(), ...rest].map((month) => [month, counted.get(month) ?? 0]))
}

function notOwner({ schema, name, place }: RebuiltTable): SyncError {
  return new SyncError('TARGET_FORBIDDEN', `Only the owner of the table ${schema}.${name} can rebuild it.`, {
    remedy: `Run it as the role ${place.owner}.`,
    details: { sqlState: '42501' },
  })
}

function notRebuildable({ schema, name }: RebuiltTable, problems: readonly string[]): SyncError {
  return new SyncError(
    'TABLE_NOT_REBUILDABLE',
    `The table ${schema}.${name} cannot be rebuilt: ${problems.join('; ')}.`,
    {
      remedy: 'Drop or change what is listed, and create it again afterwards where it is needed.',
      details: { obstacles: [...problems] },
    },
  )
}
