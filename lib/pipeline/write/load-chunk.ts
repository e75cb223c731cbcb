import { SyncError } from '../../domain/errors.js'
import {
  allKeys,
  binaryKeyType,
  firstKey,
  halve,
  type BinaryRows,
} from '../../postgres/driver/binary-copy.js'
import {
  isAboutOtherRows,
  leftOut,
  rejectReasons,
  isNotAppendable,
  rowErrorOf,
  valueChanged,
  type RowError,
} from '../../postgres/driver/row-error.js'
import type { Cells, Session } from '../../postgres/driver/session.js'
import { backToSavepoint, moveSavepoint } from '../../postgres/driver/transaction.js'
import {
  canCollapse,
  isLooseKey,
  keyColumnOf,
  keyPosition,
  type LoadPlan,
} from '../../postgres/target/load-plan.js'
import { takeChanged, type ChangedRow } from '../../postgres/target/lossy-columns.js'
import { clearStage, putBinaryRows, putRows, type Destination } from '../../postgres/target/stage.js'
import {
  countStage,
  differingKeys,
  oldestMovedStamp,
  upsertStage,
  type Written,
} from '../../postgres/target/upsert.js'
import type { LoadContext } from './load-context.js'
import { keyConflict, writeTogether } from './load-together.js'
import { newReject, recordRejected, type Rejected } from './rejects.js'

/** Rows that are written together, as texts or in binary, and that can be halved down to a single one. */
export interface Chunk {
  readonly count: number
  put(target: Session, into: Destination): Promise<void>
  /** Of more than one row. */
  halves(): readonly [Chunk, Chunk]
  /** Key of the row at a place; of texts only. */
  keyAt(place: number): string
  /** Key of the first row, as text. */
  key(): string
  /** Whether a row has this key, in these letters. */
  has(key: string): boolean
  /** A row as texts; undefined for binary rows. */
  cells(key: string): Cells | undefined
}

export function chunkOfRows(plan: LoadPlan, rows: readonly Cells[]): Chunk {
  const middle = rows.length >> 1
  const keyAt = keyPosition(plan)
  let found: ReadonlyMap<string, Cells> | undefined
  const byKey = () => (found ??= new Map(rows.map((row) => [row[keyAt] ?? '', row])))
  return {
    count: rows.length,
    put: (target, into) => putRows(target, plan, rows, into),
    halves: () => [chunkOfRows(plan, rows.slice(0, middle)), chunkOfRows(plan, rows.slice(middle))],
    keyAt: (place) => rows[place]?.[keyAt] ?? '',
    key: () => rows[0]?.[keyAt] ?? '',
    has: (key) => byKey().has(key),
    cells: (key) => byKey().get(key),
  }
}

export function chunkOfBinary(plan: LoadPlan, rows: BinaryRows): Chunk {
  const keyAt = keyPosition(plan)
  const keyType = binaryKeyType(keyColumnOf(plan).definition) ?? 'text'
  let found: ReadonlySet<string> | undefined
  return {
    count: rows.count,
    put: async (target, into) => {
      if (!target.copy) throw new TypeError('Binary rows need a target that can COPY.')
      await putBinaryRows(target.copy, plan, rows, into)
    },
    halves: () => {
      const [first, second] = halve(rows)
      return [chunkOfBinary(plan, first), chunkOfBinary(plan, second)]
    },
    keyAt: () => {
      throw new TypeError('Binary rows are not looked into.')
    },
    key: () => firstKey(rows, keyAt, keyType),
    has: (key) => (found ??= new Set(allKeys(rows, keyAt, keyType))).has(key),
    cells: () => undefined,
  }
}

/** False when the target rejects a row, or has the key of one already; then nothing is written. */
export async function tryAppend({ target, plan }: LoadContext, chunk: Chunk): Promise<boolean> {
  try {
    if (chunk.count > 0) await chunk.put(target, 'table')
    return true
  } catch (error) {
    if (!rowErrorOf(error, plan.columns) && !isNotAppendable(error)) throw error
    await target.script([backToSavepoint])
    return false
  }
}

/** What became of the rows of a chunk; the others were equal already. */
interface Outcome {
  inserted: number
  updated: number
  /** Key of a row that was written last. */
  key: string | null
  readonly rejected: Rejected[]
}

/** Loads a chunk through the stage, which is empty, in the open transaction, with the savepoint set right before it. */
export async function loadThroughStage(context: LoadContext, chunk: Chunk) {
  const outcome: Outcome = { inserted: 0, updated: 0, key: null, rejected: [] }
  if (chunk.count > 0) await bisect(context, chunk, outcome)
  const { inserted, updated, key, rejected } = outcome
  if (rejected.length > 0) await recordRejected(context, rejected)
  return { inserted, updated, key, rejected: rejected.length }
}

/**
 * When the target rejects a row of the chunk, everything but the rejected rows is written: it returns to the savepoint and tries each half by
 * itself. A failure that is not about a row is thrown. For k rejected rows among n it takes about k log n tries, and no memory but that of
 * the chunk. Rows that are in each other's way are written together, and found by what the indexes say, not by trying.
 * Returns whether the last try wrote something, which the stage then holds; else the stage is empty.
 */
async function bisect(context: LoadContext, chunk: Chunk, outcome: Outcome): Promise<boolean> {
  const { target, plan, dryRun } = context
  try {
    await loadPlainly(context, chunk, outcome)
    return true
  } catch (error) {
    const reason = reasonOf(error, plan)
    if (!reason) throw error
    await target.script([backToSavepoint])
    const isTogether = !dryRun && isAboutOtherRows(reason.sqlState)
    if (isTogether && (await tryTogether(context, chunk, outcome))) return true
    if (chunk.count === 1) {
      reject(context, outcome, chunk, { key: chunk.key(), reason })
      return false
    }
  }
  let isWritten = false
  for (const half of chunk.halves()) {
    if (isWritten) await target.script([clearStage, ...moveSavepoint])
    isWritten = await bisect(context, half, outcome)
  }
  return isWritten
}

/** Puts the chunk into the stage, and returns its rows of which the table would hold another value; they are no longer in it. */
async function stage(context: LoadContext, chunk: Chunk): Promise<readonly ChangedRow[]> {
  const { target, plan } = context
  await chunk.put(target, 'stage')
  const changed = plan.lossy.length > 0 ? await takeChanged(target, plan) : []
  await measureSkew(context)
  return changed
}

async function loadPlainly(context: LoadContext, chunk: Chunk, outcome: Outcome): Promise<void> {
  const { target, plan, dryRun } = context
  const changed = await stage(context, chunk)
  const written = await (dryRun ? countStage : upsertStage)(target, plan)
  if (written.respelled > 0) throw new KeyRespelled()
  await note(context, chunk, written, outcome)
  for (const row of changed) reject(context, outcome, chunk, rejectionOf(chunk, row))
}

/** False when the target rejects a row of it for itself, or cannot compare rows as its indexes do. */
async function tryTogether(context: LoadContext, chunk: Chunk, outcome: Outcome): Promise<boolean> {
  const { target, plan } = context
  try {
    const changed = await stage(context, chunk)
    const { written, rejected, released } = await writeTogether(context)
    // The target writes the key another way than the source, so that its rows are known one by one only.
    if (!rejected.every(({ key }) => chunk.has(key))) throw new KeyRespelled()
    for (const each of rejected) reject(context, outcome, chunk, each)
    for (const row of changed) reject(context, outcome, chunk, rejectionOf(chunk, row))
    await note(context, chunk, written, outcome)
    context.tally.sideEffects.released.push(...released)
    return true
  } catch (error) {
    if (!reasonOf(error, plan) && !isAboutStatement(error)) throw error
    await target.script([backToSavepoint])
    return false
  }
}

/** The server would have taken the value, so it has no error of its own for it. */
function rejectionOf(chunk: Chunk, { place, column }: ChangedRow) {
  const message = rejectReasons[valueChanged] ?? ''
  return { key: chunk.keyAt(place), reason: { sqlState: valueChanged, message, column } }
}

function reject(
  context: LoadContext,
  { rejected }: Outcome,
  chunk: Chunk,
  { key, reason }: { readonly key: string; readonly reason: RowError },
): void {
  rejected.push(newReject(context, { key, cells: chunk.cells(key) }, reason))
}

/** Adds what was written. A row that a trigger has left out is rejected, as it would else be lost without a word. */
async function note(context: LoadContext, chunk: Chunk, written: Written, outcome: Outcome): Promise<void> {
  const { target, plan, tally, dryRun } = context
  if (plan.table.writing.hasTriggers && !dryRun) {
    const stored = new Set(written.keys)
    const differing = await differingKeys(target, plan)
    const lost = differing.filter((key) => !stored.has(key))
    tally.sideEffects.changedByTriggers += differing.length - lost.length
    const reason = { sqlState: leftOut, message: rejectReasons[leftOut] ?? '', column: null }
    for (const key of lost) reject(context, outcome, chunk, { key, reason })
  }
  outcome.inserted += written.inserted
  outcome.updated += written.updated
  outcome.key = written.key ?? outcome.key
}

/** A row of the target has the key in another spelling. */
class KeyRespelled extends Error {}

/** Why the target rejected a row, also where it is that two keys of the source are one key to it. */
function reasonOf(error: unknown, plan: LoadPlan): RowError | undefined {
  const isTwice = error instanceof SyncError && error.details['sqlState'] === '21000' && canBeOne(plan)
  if (isTwice || error instanceof KeyRespelled) return keyConflict(plan)
  return rowErrorOf(error, plan.columns)
}

const canBeOne = (plan: LoadPlan) => isLooseKey(plan) || canCollapse(plan)

/** The expressions of an index may call what the role may not, or compare what has no operator; then its rows are found by trying. */
function isAboutStatement(error: unknown): boolean {
  const sqlState = error instanceof SyncError ? error.details['sqlState'] : null
  return typeof sqlState === 'string' && /^(0A|42)/.test(sqlState)
}

/** How far before the low watermark without its allowance a changed row lies: that much of `skewAllowance` was needed. */
async function measureSkew({ target, plan, skew, tally }: LoadContext): Promise<void> {
  if (!skew) return
  const oldest = await oldestMovedStamp(target, plan, [...skew.retried])
  if (oldest !== null) tally.skewUsed = Math.max(tally.skewUsed ?? 0, skew.since - oldest)
}

/** Rejects rows that are not read. */
export async function rejectUnread(
  context: LoadContext,
  keys: readonly string[],
  reason: RowError,
): Promise<void> {
  const rejects = keys.map((key) => newReject(context, { key, cells: undefined }, reason))
  if (rejects.length > 0) await recordRejected(context, rejects)
}

/** Why a row is rejected whose key is no text, so that no statement can name it. */
export function keyUnreadable({ key }: LoadPlan): RowError {
  return { sqlState: '22021', message: rejectReasons['22021'] ?? '', column: key }
}
