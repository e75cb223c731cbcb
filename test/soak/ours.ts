import { SyncError } from '../../lib/domain/errors.js'
import type { LoadType } from '../../lib/domain/report.js'
import { syncConversations } from '../../lib/sync.js'
import type { Arena } from './arena.js'
import { rollDice, type Dice } from './dice.js'
import { brokenClaims } from './marks.js'
import type { Scenario } from './scenarios.js'
import { conversations } from './subject.js'

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
  /** Of a budget that lets them scan rarely. */
  readonly scansRarely: boolean
  /** What runs have said and did not hold. */
  readonly brokenClaims: string[]
}

export function newRuns(
  arena: Arena,
  { failing = 0, scansRarely }: Pick<Scenario, 'failing' | 'scansRarely'>,
  seed: number,
  skewAllowance: number,
): Runs {
  const counts = { count: 0, full: 0, extracted: 0, changed: 0, marginUsedSeconds: 0 }
  return {
    arena,
    dice: rollDice(seed, 3),
    skewAllowance,
    failing,
    scansRarely: scansRarely === true,
    brokenClaims: [],
    ...counts,
  }
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
      ...(runs.scansRarely ? rarely(runs, complete) : {}),
      skewAllowance: runs.skewAllowance,
      maxDeleteShare: 1,
      batchSize: 500,
      signal: isCutOff ? AbortSignal.timeout(runs.dice.between(1, 60)) : undefined,
    })
    if (runs.arena.subject === conversations)
      runs.brokenClaims.push(...(await brokenClaims(runs.arena, report)))
    if (runs.count++ === 0) return
    if (report.loadType === 'full') runs.full += 1
    runs.extracted += report.rowsExtracted
    runs.changed += report.rowsInserted + report.rowsUpdated
    runs.marginUsedSeconds = Math.max(runs.marginUsedSeconds, report.marginUsedSeconds ?? 0)
  } catch (error) {
    if (!(isCutOff && error instanceof SyncError && error.code === 'ABORTED')) throw error
  }
}

/** As a schedule runs, with a scan in every eighth run or so. */
const rarely = ({ dice }: Runs, complete: boolean) =>
  ({ triggeredBy: 'scheduler', complete, scanShare: 0, scanEvery: dice.between(1200, 3000) }) as const
