import { SyncError } from '../../domain/errors.js'
import type { Warning } from '../../domain/report.js'
import { dropPassed, recordRejects, type Reject } from '../../postgres/control/rejects.js'
import { isAboutOtherRows, rowError, type RowError } from '../../postgres/driver/row-error.js'
import type { Cells, Session } from '../../postgres/driver/session.js'
import { recordable } from '../../postgres/driver/texts.js'
import { countLive } from '../../postgres/target/deletes.js'
import { keyPosition, type LoadPlan } from '../../postgres/target/load-plan.js'
import { addRows, newTally, type Tally } from '../tally.js'

/** How rows that the target rejects are recorded, and how many of them fail the run. */
export interface RejectRules {
  readonly pipeline: string
  /** Null for a repair, which is no run. */
  readonly executionId: string | null
  /** (Default: as `SyncOptions.maxRejects` says.) */
  readonly maxRejects: number | undefined
  /** Keeps the content of rejected rows. */
  readonly keepContent: boolean
  /** Keys of rows that an earlier run has rejected already, and that do not count again. */
  readonly known: ReadonlySet<string>
  /** Called for each rejected row. */
  readonly onRejected?: (key: string) => void
  /** Absent while rows are read, as it takes the same connection. */
  readonly findInSource?: FindInSource
  /** Whether this run has recorded the row for the same reason already. */
  readonly isRecorded?: (key: string) => boolean
  /** Present where keys of the source can be one key to the target. */
  readonly spellings?: Spellings | undefined
  /** Called for each of them that is tried once more in the same run. */
  readonly onRetried?: (key: string) => void
  /** What the run has counted without this batch, where other connections load other batches of it. */
  readonly besides?: RowTally
}

/** Which of these keys the source has, in these letters. */
export type FindInSource = (keys: readonly string[]) => Promise<ReadonlySet<string>>

/** A rejected row as it is recorded. */
export type Rejected = Reject

/** What rejected rows have to do with a load. */
interface Context {
  readonly target: Session
  readonly plan: LoadPlan
  readonly tally: Tally
  readonly dryRun: boolean
  readonly rejects: RejectRules
}

/** Without `maxRejects`, so many rows may always be rejected, or a hundredth of those that were read if that is more. */
const rejectsAllowed = 100
const shareAllowed = 0.01

/**
 * How large a share is shows only at the end. Before it, a run that fails altogether stops at so many rejected rows, if they are more than
 * this share of what was read so far: each of them takes several tries.
 */
const rejectsTried = 1000
const shareTried = 0.1

/** Counts a rejected row by its reason. Throws TOO_MANY_REJECTS as soon as that is certain. */
export function newReject(
  { tally, rejects, plan }: Context,
  { key, cells }: { readonly key: string; readonly cells: Cells | undefined },
  error: RowError,
): Rejected {
  tally.counts.rowsRejected += 1
  const row = recordable(key)
  if (rejects.known.has(row)) tally.rejected.again += 1
  const reason = `${error.message} (${placeOf(error)})`
  tally.rejected.reasons.set(reason, (tally.rejected.reasons.get(reason) ?? 0) + 1)
  if (isAboutOtherRows(error.sqlState)) tally.rejected.inConflict.set(key, reason)
  requireFewSoFar(tally, rejects)
  rejects.onRejected?.(key)
  const isKept = rejects.keepContent && cells !== undefined
  return { ...error, key: row, data: isKept ? contentOf(plan.columns, cells) : null }
}

type RowTally = Pick<Tally, 'counts' | 'rejected'>

function requireFewSoFar(
  tally: RowTally,
  { maxRejects, besides }: Pick<RejectRules, 'maxRejects' | 'besides'>,
): void {
  const inRun = (count: (of: RowTally) => number) => count(tally) + (besides ? count(besides) : 0)
  const read = inRun(({ counts }) => counts.rowsExtracted)
  const limit =
    maxRejects ?? Math.max(rejectsTried, read * shareTried) + inRun(({ rejected }) => rejected.again)
  // Those in conflict may still pass, all together.
  const rows = inRun(({ counts, rejected }) => counts.rowsRejected - rejected.inConflict.size)
  if (rows <= limit) return
  const all = newTally()
  for (const part of besides ? [besides, tally] : [tally]) addRows(all, part)
  throw tooManyRejects(all, limit)
}

/** Takes back what was counted for rows that were in conflict and are loaded once more, and forgets that they were; the reason of each. */
export function takeBack(
  { tally, rejects }: Context,
  keys: readonly string[],
): ReadonlyMap<string, string | undefined> {
  const reasons = new Map<string, string | undefined>()
  for (const key of keys) {
    const reason = tally.rejected.inConflict.get(key)
    reasons.set(key, reason)
    tally.rejected.inConflict.delete(key)
    tally.counts.rowsExtracted -= 1
    tally.counts.rowsRejected -= 1
    tally.keys -= 1
    if (rejects.known.has(key)) tally.rejected.again -= 1
    const count = reason === undefined ? 0 : (tally.rejected.reasons.get(reason) ?? 0)
    if (reason !== undefined && count > 1) tally.rejected.reasons.set(reason, count - 1)
    else if (reason !== undefined) tally.rejected.reasons.delete(reason)
    rejects.onRetried?.(key)
  }
  return reasons
}

/** Records the rejected rows of a batch with its other rows, in the open transaction. */
export async function recordRejected(
  { target, rejects, dryRun }: Context,
  rejected: readonly Rejected[],
): Promise<void> {
  const { isRecorded } = rejects
  const isNew = ({ key }: Rejected) => isRecorded === undefined || !isRecorded(key)
  if (!dryRun) await recordRejects(target, rejects, rejected.filter(isNew))
}

/** Rejects rows that are not read. */
export async function rejectUnread(
  context: Context,
  keys: readonly string[],
  reason: RowError,
): Promise<void> {
  const rejects = keys.map((key) => newReject(context, { key, cells: undefined }, reason))
  if (rejects.length > 0) await recordRejected(context, rejects)
}

/** Why a row is rejected whose key is no text, so that no statement can name it. */
export function keyUnreadable({ key }: LoadPlan): RowError {
  return rowError('22021', key)
}

/**
 * At the end of a run, in its last transaction: throws TOO_MANY_REJECTS when too many rows were rejected. Else drops the entries of rows
 * that were not rejected again, and adds a warning about those that were.
 */
export async function settleRejects(
  context: Context,
  { isResumed, hadRejects }: { readonly isResumed: boolean; readonly hadRejects: boolean },
): Promise<void> {
  const { tally, rejects, target, dryRun } = context
  const { rowsRejected } = tally.counts
  if (rowsRejected > 0) {
    const limit = rejects.maxRejects ?? (await defaultLimit(context, isResumed))
    if (rowsRejected > limit) throw tooManyRejects(tally, limit)
    tally.warnings.push(rowsRejectedWarning(tally))
  }
  if (!dryRun && hadRejects) await dropPassed(target, rejects)
}

/**
 * A run that resumes another one reads only the rest: the rows before are in the table. An incremental run reads few rows beside all that were
 * rejected before, which an earlier run has allowed.
 */
async function defaultLimit({ tally, target, plan }: Context, isResumed: boolean): Promise<number> {
  const { rowsExtracted, rowsRejected } = tally.counts
  const limit = (rows: number) =>
    Math.max(rejectsAllowed, Math.floor(rows * shareAllowed)) + tally.rejected.again
  const isEnough = !isResumed || rowsRejected <= limit(rowsExtracted)
  return limit(isEnough ? rowsExtracted : await countLive(target, plan))
}

function placeOf({ sqlState, column }: RowError): string {
  return column === null ? `SQLSTATE ${sqlState}` : `SQLSTATE ${sqlState}, column ${column}`
}

/** Texts that jsonb cannot hold, and rows of a size that nobody looks at, are not kept. */
function contentOf(columns: LoadPlan['columns'], cells: Cells): Reject['data'] {
  const length = cells.reduce((sum, cell) => sum + (cell?.length ?? 0), 0)
  const hasUnstorable = cells.some((cell) => cell !== null && /[\0\p{Surrogate}]/u.test(cell))
  if (length > keptLength || hasUnstorable) return null
  return Object.fromEntries(columns.map(({ name }, index) => [name, cells[index] ?? null]))
}

/** Characters of a rejected row that are kept at most. */
const keptLength = 10_000_000

function mostFrequentReason({ rejected }: Pick<Tally, 'rejected'>): {
  readonly reason: string
  readonly rows: number
} {
  const [first] = [...rejected.reasons].sort(([, a], [, b]) => b - a)
  return { reason: first?.[0] ?? '', rows: first?.[1] ?? 0 }
}

function rowsRejectedWarning(tally: Pick<Tally, 'counts' | 'rejected'>): Warning {
  const { rowsRejected: rows } = tally.counts
  const most = mostFrequentReason(tally)
  const share = most.rows === rows ? '' : `, ${most.rows} of them`
  // A run that was interrupted and resumed does not know the reasons of before.
  const because = most.rows === 0 ? '' : `${share} because ${most.reason}`
  const message = `The target rejected ${rows} ${rows === 1 ? 'row' : 'rows'}${because}; each run tries again. See chatwoot-sync rejects.`
  return { code: 'ROWS_REJECTED', message }
}

function tooManyRejects(tally: Pick<Tally, 'counts' | 'rejected'>, limit: number): SyncError {
  const { rowsRejected: rows } = tally.counts
  const { reason, rows: count } = mostFrequentReason(tally)
  const allowed = Math.floor(limit)
  return new SyncError(
    'TOO_MANY_REJECTS',
    `The target rejected ${rows} rows, and at most ${allowed} are allowed; most often, ${count} times, because ${reason}.`,
    {
      remedy: 'Fix the column of the target, or allow more with maxRejects.',
      details: { rows, limit: allowed, reason },
    },
  )
}

/** Which rows a run has to do with whose keys may be one key to the target. */
export interface Spellings {
  /** Keys of rows that an earlier run has rejected because of another spelling: they are held back until it is known whether that one exists. */
  readonly known: ReadonlySet<string>
  readonly held: Set<string>
  /** Keys of the other rows that were read; undefined for all of them. */
  readonly read: Set<string> | undefined
  /** Whether the target has all keys of the source, each as it is spelled, in its temporary table. */
  isCollected: boolean
}

/** The rows but for those that would overwrite the row of another spelling; notes both. */
export function withoutHeld(
  { known, held, read }: Spellings,
  plan: LoadPlan,
  rows: readonly Cells[],
): readonly Cells[] {
  const keyAt = keyPosition(plan)
  return rows.filter((row) => {
    const key = row[keyAt] ?? ''
    const isHeld = known.has(key)
    if (isHeld) held.add(key)
    else read?.add(key)
    return !isHeld
  })
}
