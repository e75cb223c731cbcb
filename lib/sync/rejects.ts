import { SyncError } from '../domain/errors.js'
import type { Warning } from '../domain/report.js'
import type { Portion } from '../pipeline/write/chunk.js'
import { countLive } from '../postgres/target/deletes.js'
import type { Refusal } from '../postgres/target/row-errors.js'
import { dropPassed, recordRejects, type Reject } from '../postgres/control/rejects.js'
import type { Cells } from '../postgres/driver/session.js'
import type { Run } from './run.js'

/** Without `maxRejects`, so many rows may always be refused, or a hundredth of those that were read if that is more. */
const rejectsAllowed = 100
const shareAllowed = 0.01

/**
 * How large a share is shows only at the end. Before it, a run that goes wrong altogether stops at so many refused rows, if they are more
 * than this share of what was read so far: each of them takes several tries.
 */
const rejectsTried = 1000
const shareTried = 0.1

/** Counts a refused row by its reason, and gives it for `recordRejects`. Throws TOO_MANY_REJECTS as soon as that is certain. */
export function rejectRow(run: Run, portion: Portion, refusal: Refusal): Reject {
  const { tally, options, plan } = run
  const key = portion.key()
  tally.rowsRejected += 1
  if (run.loadType === 'incremental' && run.rejectedBefore.has(key)) tally.rejectedAgain += 1
  const reason = `${refusal.message} (${placeOf(refusal)})`
  tally.rejectReasons.set(reason, (tally.rejectReasons.get(reason) ?? 0) + 1)
  const limit =
    options.maxRejects ?? Math.max(rejectsTried, tally.rowsExtracted * shareTried) + tally.rejectedAgain
  if (tally.rowsRejected > limit) throw tooManyRejects(run, limit)
  const cells = options.keepRejected ? portion.cells() : undefined
  return { ...refusal, key, data: cells ? dataOf(plan.load.columns, cells) : null }
}

/** Notes the refused rows of a batch beside its other rows, in the transaction that is open. */
export async function keepRejects(run: Run, rejects: readonly Reject[]): Promise<void> {
  if (rejects.length > 0 && !run.options.dryRun) await recordRejects(run.target, scopeOf(run), rejects)
}

/**
 * At the end of a run, in its last transaction: throws TOO_MANY_REJECTS when it has refused too much. Else drops the entries of rows that
 * it did not refuse again, and says in a warning what it has refused.
 */
export async function settleRejects(run: Run): Promise<void> {
  const { tally, options, target } = run
  if (tally.rowsRejected > 0) {
    const limit = options.maxRejects ?? (await defaultLimit(run))
    if (tally.rowsRejected > limit) throw tooManyRejects(run, limit)
    tally.warnings.push(rowsRejected(run))
  }
  if (!options.dryRun && run.rejectedBefore.size > 0) await dropPassed(target, scopeOf(run))
}

/**
 * What a run that goes on from another one reads is only the rest: the rows before stand in the table. An incremental run reads few rows
 * beside all that were rejected before, which an earlier run has allowed.
 */
async function defaultLimit({ tally, after, target, plan }: Run): Promise<number> {
  const limit = (rows: number) =>
    Math.max(rejectsAllowed, Math.floor(rows * shareAllowed)) + tally.rejectedAgain
  const isEnough = after === null || tally.rowsRejected <= limit(tally.rowsExtracted)
  return limit(isEnough ? tally.rowsExtracted : await countLive(target, plan.load))
}

const scopeOf = ({ options: { pipeline }, executionId }: Run) => ({ pipeline, executionId })

function placeOf({ sqlState, column }: Refusal): string {
  return column === null ? `SQLSTATE ${sqlState}` : `SQLSTATE ${sqlState}, column ${column}`
}

/** Texts that jsonb cannot hold, and rows of a size that nobody looks at, are not kept. */
function dataOf(columns: Run['plan']['load']['columns'], cells: Cells): Reject['data'] {
  const length = cells.reduce((sum, cell) => sum + (cell?.length ?? 0), 0)
  if (length > keptLength || cells.some((cell) => cell !== null && /[\0\p{Surrogate}]/u.test(cell)))
    return null
  return Object.fromEntries(columns.map(({ name }, index) => [name, cells[index] ?? null]))
}

/** Characters of a rejected row at most that is kept. */
const keptLength = 10_000_000

function commonest({ tally }: Run): readonly [reason: string, rows: number] {
  const [first = ['', 0] as const] = [...tally.rejectReasons].sort(([, a], [, b]) => b - a)
  return first
}

function rowsRejected(run: Run): Warning {
  const { rowsRejected: rows } = run.tally
  const [reason, count] = commonest(run)
  const most = count === rows ? '' : `, ${count} of them`
  // A run that was interrupted and went on does not know the reasons of before.
  const because = count === 0 ? '' : `${most} because ${reason}`
  const message = `The target refused ${rows} ${rows === 1 ? 'row' : 'rows'}${because}; each run tries again. See chatwoot-sync rejects.`
  return { code: 'ROWS_REJECTED', message }
}

function tooManyRejects(run: Run, limit: number): SyncError {
  const { rowsRejected: rows } = run.tally
  const [reason, count] = commonest(run)
  return new SyncError(
    'TOO_MANY_REJECTS',
    `The target refused ${rows} rows, and no more than ${Math.floor(limit)} may be; most often, ${count} times, because ${reason}.`,
    {
      remedy: 'Mend the column of the target, or allow more with maxRejects.',
      details: { rows, limit: Math.floor(limit), reason },
    },
  )
}
