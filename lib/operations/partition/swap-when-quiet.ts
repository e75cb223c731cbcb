import { SyncError } from '../../domain/errors.js'
import { findLakes } from '../../postgres/control/lakes.js'
import { markAllStatement } from '../../postgres/control/lake-marks.js'
import { readPipelines } from '../../postgres/control/partitionings.js'
import { releaseRunLock, takeRunLock } from '../../postgres/control/run-start.js'
import { qualified } from '../../postgres/driver/search-path.js'
import type { Session } from '../../postgres/driver/session.js'
import { onlyRow } from '../../postgres/driver/statement.js'
import { countBoth } from '../../postgres/partition/change-log.js'
import { beginBriefly, beginSwapping } from '../../postgres/partition/limits.js'
import { swapTables } from '../../postgres/partition/swap.js'
import { readViews, type DependentView } from '../../postgres/partition/views.js'
import { createTriggers, dropTriggers } from '../../postgres/target/lake-triggers.js'
import { inTransaction } from './in-transaction.js'
import type { Rebuilding } from './prepare.js'
import { catchUp } from './rebuild.js'
import { deadlineOf, isLocked, pauseUntilNext, type LockBudget } from './retry-locked.js'

/** How the exchange went. */
export interface Swapped {
  readonly attempts: number
  /** Names of the views that read the new table now. */
  readonly views: readonly string[]
}

/** How often it is tried while runs are kept from beginning. */
const triesAtOnce = 10

/**
 * Puts the copy in the place of the table once the copy has every change, while no run of any pipeline is in progress, and in a moment in which
 * nobody uses the table. Runs that would begin meanwhile find the lock taken, for seconds at most.
 */
export async function swapWhenQuiet(
  target: Session,
  { table, shape }: Rebuilding,
  { pipeline, budget }: { readonly pipeline: string; readonly budget: LockBudget },
): Promise<Swapped> {
  const pipelines = [...new Set([...(await readPipelines(target)), pipeline])].sort()
  const deadline = deadlineOf(budget)
  let attempts = 0
  for (let rounds = 1; ; rounds += 1) {
    await catchUp(target, table, deadline.signal)
    const taken = await takeAllRunLocks(target, pipelines)
    let reason: unknown
    try {
      if (taken.isComplete) await requireSameCount(target, table)
      for (let tries = 1; taken.isComplete && tries <= triesAtOnce; tries += 1) {
        attempts += 1
        const views = await trySwap(target, { table, shape, pipelines }, deadline.signal).catch(
          (error: unknown) => {
            if (!isLocked(error)) throw error
            reason = error
          },
        )
        if (views) return { attempts, views: views.map(({ schema, name }) => `${schema}.${name}`) }
        if (tries < triesAtOnce) await pauseUntilNext(deadline, 1, reason)
      }
    } finally {
      if (!target.lost.aborted) for (const name of taken.names) await releaseRunLock(target, name)
    }
    await pauseUntilNext(deadline, rounds, reason)
  }
}

/** All of them, or how many could be had. */
async function takeAllRunLocks(target: Session, pipelines: readonly string[]) {
  const names: string[] = []
  for (const pipeline of pipelines) {
    try {
      await takeRunLock(target, pipeline)
      names.push(pipeline)
    } catch (error) {
      if (error instanceof SyncError && error.code === 'LOCKED') return { names, isComplete: false }
      throw error
    }
  }
  return { names, isComplete: true }
}

async function requireSameCount(target: Session, table: Rebuilding['table']): Promise<void> {
  const { rows, copied, changes } = onlyRow(await target.rows(countBoth(table)))
  if (rows === copied || changes !== '0') return
  throw new SyncError('INTERNAL', `The table has ${rows} rows and its copy ${copied}.`, {
    remedy: 'Please report it; the table itself was not changed. Run it with --cancel, which drops the copy.',
    details: { rows, copied },
  })
}

async function trySwap(
  target: Session,
  {
    table,
    shape,
    pipelines,
  }: Pick<Rebuilding, 'table' | 'shape'> & { readonly pipelines: readonly string[] },
  signal: AbortSignal | undefined,
): Promise<readonly DependentView[]> {
  const lakes = []
  for (const pipeline of pipelines) lakes.push(...(await findLakes(target, pipeline)))
  const here = lakes.filter((lake) => lake.table === qualified(table))
  // Read before, as it takes as long as all the rest.
  const views = await inTransaction(target, beginBriefly, () => readViews(target, table))
  const swap = swapTables(table, {
    ...{ shape, views },
    leave: here.flatMap(({ lakeId }) => dropTriggers({ table, lakeId })),
    enter: here.flatMap((lake) => [...createTriggers({ ...lake, table }), markAllStatement(lake)]),
  })
  // Nothing comes between the last changes and the swap, as somebody may write all the time.
  await catchUp(target, table, signal)
  await inTransaction(target, beginSwapping, () => target.rows(swap))
  return views
}
