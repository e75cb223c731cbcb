import { SyncError } from '../../domain/errors.js'
import { rejectReasons, rowErrorOf, type RowError } from '../../postgres/driver/row-error.js'
import { findConflicts, findRespelled, unstage, type Conflict } from '../../postgres/target/conflicts.js'
import { softDelete } from '../../postgres/target/deletes.js'
import {
  canCollapse,
  canSoftDelete,
  isLooseKey,
  keyColumnOf,
  keyRuleOf,
  type LoadPlan,
} from '../../postgres/target/load-plan.js'
import { makeRoom, type Released } from '../../postgres/target/make-room.js'
import { readUniqueRules, type UniqueRule } from '../../postgres/target/unique-rules.js'
import { pruneStage, writeStage, type Written } from '../../postgres/target/upsert.js'
import type { LoadContext } from './load-context.js'

/** Rows that were written together, and those that cannot be. */
export interface WrittenTogether {
  readonly written: Written
  readonly rejected: readonly { readonly key: string; readonly reason: RowError }[]
  readonly released: readonly Released[]
}

/**
 * Writes the rows of the stage as one set, after the target has rejected them row by row: rows that swap a unique value step aside for each
 * other, and soft-deleted ones give their value up. With `findInSource`, a row that is in the way and no longer exists in the source is
 * soft-deleted, and a row takes the new spelling of its key when the source has no row of the old one.
 */
export async function writeTogether(context: LoadContext): Promise<WrittenTogether> {
  const { target, plan } = context
  await pruneStage(target, plan)
  const respelled = isLooseKey(plan) ? await takenKeys(context) : []
  await unstage(target, plan, respelled)
  const rules = await readUniqueRules(target, plan)
  const conflicts = await conflictsLeft(context, rules)
  const blocked = new Map(conflicts.filter(({ is_blocked: is }) => is).map((each) => [each.key, each.rule]))
  await unstage(target, plan, [...blocked.keys()])
  const released = await makeRoom(target, plan, rules, conflicts)
  const written = await writeStage(target, plan)
  const rejected = [
    ...respelled.map((key) => ({ key, reason: keyConflict(plan) })),
    ...[...blocked].map(([key, rule]) => ({ key, reason: ruleConflict(plan, rules[rule]) })),
  ]
  return { written, rejected, released }
}

/** Staged keys that are another row's key to the target; all that are respelled where the source cannot be asked which of them exist. */
async function takenKeys({ target, plan, rejects }: LoadContext): Promise<readonly string[]> {
  const { findInSource } = rejects
  const respelled = await findRespelled(target, plan)
  const stored = respelled.flatMap(({ stored: spelling }) => spelling ?? [])
  const existing = findInSource && (stored.length > 0 ? await findInSource(stored) : new Set<string>())
  const isTaken = (spelling: string | null) =>
    spelling === null || existing === undefined || existing.has(spelling)
  return [...new Set(respelled.filter((each) => isTaken(each.stored)).map(({ key }) => key))]
}

/** The conflicts once the rows in the way that the source no longer has are soft-deleted. */
async function conflictsLeft(
  { target, plan, tally, rejects: { findInSource } }: LoadContext,
  rules: readonly UniqueRule[],
): Promise<readonly Conflict[]> {
  const conflicts = await findConflicts(target, plan, rules)
  // In another spelling a key may be the one of a row that exists and was rejected: what became of that one, a full run finds out.
  if (!findInSource || !canSoftDelete(plan) || isLooseKey(plan)) return conflicts
  const isSuspect = ({ is_staged: isStaged, is_deleted: isDeleted, is_own: isOwn }: Conflict) =>
    !isStaged && !isDeleted && isOwn
  const suspects = [...new Set(conflicts.filter(isSuspect).map(({ holder }) => holder))]
  if (suspects.length === 0) return conflicts
  const existing = await findInSource(suspects)
  const gone = suspects.filter((key) => !existing.has(key))
  if (gone.length === 0) return conflicts
  tally.counts.rowsDeleted += await softDelete(target, plan, gone)
  return findConflicts(target, plan, rules)
}

/** A row of the target has the key in another spelling. */
export class KeyRespelled extends Error {}

/** Why the target rejected a row, also where it is that two keys of the source are one key to it. */
export function reasonOf(error: unknown, plan: LoadPlan): RowError | undefined {
  const isTwice = error instanceof SyncError && error.details['sqlState'] === '21000' && canBeOne(plan)
  if (isTwice || error instanceof KeyRespelled) return keyConflict(plan)
  return rowErrorOf(error, plan.columns)
}

const canBeOne = (plan: LoadPlan) => isLooseKey(plan) || canCollapse(plan)

/** Why a row is rejected whose key is another row's key to the target, though the source keeps them apart. */
function keyConflict(plan: LoadPlan): RowError {
  const rule = keyRuleOf(plan)
  const { name, type } = keyColumnOf(plan)
  const by = rule?.isDeterministic === false ? `collation ${rule.collation}` : `type ${type}`
  const message = `its key equals the key of another row: ${by}, unique index ${rule?.index ?? ''}`
  return { sqlState: '23505', message, column: name }
}

function ruleConflict(plan: LoadPlan, rule: UniqueRule | undefined): RowError {
  const sqlState = rule?.sqlState ?? '23505'
  const own = rule?.columns.filter((name) => plan.columns.some((column) => column.name === name)) ?? []
  return {
    sqlState,
    message: `${rejectReasons[sqlState] ?? ''}: ${rule?.name ?? ''}`,
    column: own.length === 1 ? (own[0] ?? null) : null,
  }
}
