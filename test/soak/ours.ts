import { SyncError } from '../../lib/domain/errors.js'
import type { LoadType } from '../../lib/domain/report.js'
import { syncConversations } from '../../lib/sync.js'
import type { Arena } from './arena.js'
import { rollDice, type Dice } from './dice.js'
import type { Scenario } from './scenarios.js'

/** Runs of the library in an arena, and what they have done since the first one. */
export interface Runs {
  readonly arena: Arena
  readonly dice: Dice
  readonly skewAllowance: number
  /** Share of the runs that are cut off. */
  readonly failing: number
  count: number
  full: number
  extracted: number
  changed: number
  marginUsedSeconds: number
}

export function newRuns(arena: Arena, { failing = 0 }: Scenario, seed: number, skewAllowance: number): Runs {
  const counts = { count: 0, full: 0, extracted: 0, changed: 0, marginUsedSeconds: 0 }
  return { arena, dice: rollDice(seed, 3), skewAllowance, failing, ...counts }
}

/** One run; `complete` for one that is never cut off. */
export async function runOurs(
  runs: Runs,
  { complete = runs.count === 0, loadType }: { complete?: boolean; loadType?: LoadType } = {},
): Promise<void> {
  const { subject, readerUrl, targetUrl } = runs.arena
  const isCutOff = !complete && runs.dice.chance(runs.failing)
  try {
    const report = await syncConversations({
      source: readerUrl,
      target: targetUrl,
      relation: subject.custom,
      table: subject.table,
      loadType,
      skewAllowance: runs.skewAllowance,
      maxDeleteShare: 1,
      batchSize: 500,
      signal: isCutOff ? AbortSignal.timeout(runs.dice.between(1, 60)) : undefined,
    })
    if (runs.count++ === 0) return
    if (report.loadType === 'full') runs.full += 1
    runs.extracted += report.rowsExtracted
    runs.changed += report.rowsInserted + report.rowsUpdated
    runs.marginUsedSeconds = Math.max(runs.marginUsedSeconds, report.marginUsedSeconds ?? 0)
  } catch (error) {
    if (!(isCutOff && error instanceof SyncError && error.code === 'ABORTED')) throw error
  }
}
