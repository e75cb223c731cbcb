import { throwIfAborted } from '../../domain/abort.js'
import { callHook, SyncError } from '../../domain/errors.js'
import {
  readCopiedMonths,
  recordBegun,
  recordMonth,
  type Begun,
} from '../../postgres/control/partitionings.js'
import type { Session } from '../../postgres/driver/session.js'
import { onlyRow } from '../../postgres/driver/statement.js'
import { copyKeys, createLogTriggers, emptyCopy, takeChanges } from '../../postgres/partition/change-log.js'
import { analyze, copyMonth, emptyMonth, sumMonth } from '../../postgres/partition/copy-rows.js'
import {
  copyNames,
  createCopy,
  createMonth,
  indexCopy,
  indexMonth,
  monthTable,
  restMonth,
} from '../../postgres/partition/copy-table.js'
import { beginBriefly, beginBuilding, beginCopying } from '../../postgres/partition/limits.js'
import { readRebuiltTable } from '../../postgres/partition/rebuilt-table.js'
import { inTransaction } from './in-transaction.js'
import type { PartitionOptions } from './partition-options.js'
import type { PartitionProgress } from './partition-report.js'
import type { Rebuilding } from './prepare.js'
import { retryLocked, type LockBudget } from './retry-locked.js'

/** Creates the empty copy, the triggers that note each change from then on, and the row that says so, all or nothing. */
export async function beginRebuilding(
  target: Session,
  { table, shape }: Rebuilding,
  begun: Omit<Begun, 'building' | 'copy'>,
  budget: LockBudget,
): Promise<void> {
  const { copy } = copyNames(table)
  const isTimeRequired = begun.isTimeRequired ?? table.columns.isTimeRequired
  await retryLocked(budget, () =>
    inTransaction(target, beginBriefly, async () => {
      await target.together(createCopy(table, shape, { isTimeRequired }))
      await recordBegun(target, table, { ...begun, building: shape, copy })
      // Last, as whoever writes waits from here to the commit.
      await target.together(createLogTriggers(table))
    }),
  )
}

/** Copies the months that the copy does not have yet, each in a transaction of its own, and then creates what indexes are missing. */
export async function buildCopy(
  target: Session,
  rebuilding: Rebuilding,
  {
    hasDateChecks,
    isContinued,
    onProgress,
    budget,
  }: Pick<PartitionOptions, 'onProgress'> & {
    readonly hasDateChecks: boolean
    readonly isContinued: boolean
    readonly budget: LockBudget
  },
): Promise<void> {
  const { table, shape, months } = rebuilding
  const { copy } = copyNames(table)
  // Whatever came after that has a note, also of months that there were not.
  if ((await readRebuiltTable(target, copy))?.key) return
  const copied = new Map(await readCopiedMonths(target, table))
  for (const month of months.keys()) {
    if (copied.has(month)) continue
    throwIfAborted(budget.signal)
    callHook('onProgress', onProgress, stepOf(rebuilding, 'copy', copied, month))
    const rows = await retryLocked(budget, () =>
      copyOneMonth(target, rebuilding, { month, hasDateChecks, isContinued }),
    )
    copied.set(month, rows)
  }
  throwIfAborted(budget.signal)
  callHook('onProgress', onProgress, stepOf(rebuilding, 'indexes', copied))
  // A row that moved from one month to another meanwhile may be in both.
  if (shape === 'plain') await catchUp(target, table, budget.signal)
  await inTransaction(target, beginBuilding, async () => {
    await target.together(indexCopy(table, shape))
  })
  await target.rows(analyze(copy))
}

interface MonthOptions {
  readonly month: string
  readonly hasDateChecks: boolean
  /** An earlier call has begun. */
  readonly isContinued: boolean
}

/** Whole or not at all, and compared with what it was copied from, under one snapshot. */
async function copyOneMonth(
  target: Session,
  { table, shape }: Rebuilding,
  { month, hasDateChecks, isContinued }: MonthOptions,
): Promise<number> {
  const { copy } = copyNames(table)
  const leaf = monthTable(table, month)
  return inTransaction(target, beginCopying, async () => {
    if (shape === 'months' && month !== restMonth) {
      const { created } = onlyRow(await target.rows(createMonth(copy, table, { month, hasDateChecks })))
      if (!created) throw isTaken(leaf.name)
    }
    // What an earlier call has brought over of a month that it did not know.
    if (shape === 'plain' && isContinued) await target.rows(emptyMonth(copy, month))
    const written = onlyRow(await target.rows(copyMonth(table, month, shape === 'months' ? leaf : copy)))
    const held = onlyRow(await target.rows(sumMonth(table, month)))
    if (written.rows !== held.rows || written.hash !== held.hash) throw differs(month)
    if (shape === 'months') await target.together(indexMonth(table, leaf))
    await recordMonth(target, table, { month, rows: written.rows })
    return Number(written.rows)
  })
}

/** Brings every row into the copy that was changed since it was copied, but for those that change meanwhile. */
export async function catchUp(
  target: Session,
  table: Rebuilding['table'],
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let isDone = false; !isDone;) {
    throwIfAborted(signal)
    isDone = await inTransaction(target, beginBuilding, async () => {
      const { keys, isEmptied, isFull } = await takeChanges(target, table)
      if (isEmptied) await target.rows(emptyCopy(table))
      if (keys.length > 0) await target.together(copyKeys(table, keys))
      return !isFull
    })
  }
}

/** How far it is, for the caller. */
export function stepOf(
  { months, facts }: Pick<Rebuilding, 'months' | 'facts'>,
  phase: PartitionProgress['phase'],
  copied: ReadonlyMap<string, number> | 'all',
  month: string | null = null,
): PartitionProgress {
  const done = copied === 'all' ? months : copied
  return {
    ...{ phase, month },
    monthsDone: done.size,
    monthsExpected: Math.max(months.size, done.size),
    rowsDone: [...done.values()].reduce((sum, rows) => sum + rows, 0),
    rowsExpected: facts.rows,
  }
}

function isTaken(name: string): SyncError {
  return new SyncError('TABLE_NOT_REBUILDABLE', `There is a table ${name} already.`, {
    remedy: 'Rename it, and run this again.',
    details: { obstacles: [name] },
  })
}

function differs(month: string): SyncError {
  return new SyncError('INTERNAL', `The copy of the month ${month} is not the same as the month.`, {
    remedy: 'Please report it; the table itself was not changed.',
    details: { month },
  })
}
