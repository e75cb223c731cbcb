import { keyCollapsed, type RowError } from '../../postgres/driver/row-error.js'
import { releaseSavepoint, setSavepoint } from '../../postgres/driver/transaction.js'
import { keyColumnOf, type LoadPlan } from '../../postgres/target/load-plan.js'
import { keysWithoutSpelling, spellingsLike } from '../../postgres/target/spellings.js'
import { clearStage } from '../../postgres/target/stage.js'
import type { Tally } from '../tally.js'
import {
  addKeys,
  collectSpellings,
  isUntouched,
  removeLeftOut,
  sharedInRun,
  type SpelledSource,
} from './collect-spellings.js'
import { loadBatch } from './load-batches.js'
import type { LoadContext } from './load-context.js'
import { newReject, recordRejected } from './rejects.js'
import { retryConflicts } from './retry-conflicts.js'

/**
 * Two keys of the source that are one key to the target would make one row of two, of which the last one stays: rejects all but one of them,
 * and loads that one again. To be called in the last transaction. All keys of the source are read for it, as no index of the source finds
 * them: only where it can happen, and not in a run that reads no row.
 */
export async function rejectCollapsed(context: LoadContext, from: SpelledSource): Promise<void> {
  const { spellings } = context.rejects
  if (!spellings) return
  const { held } = spellings
  if (context.dryRun || isUntouched(spellings)) return rejectAll(context, [...held])
  const shared = await sharedInRun(context, from)
  const others = shared.filter((each) => !each.is_first)
  const overwritten = new Set(others.filter(({ spelling }) => !held.has(spelling)).map(({ key }) => key))
  await rejectAll(
    context,
    others.map(({ spelling }) => spelling),
  )
  const firsts = shared.filter((each) => each.is_first && overwritten.has(each.key))
  const passed = new Set(held)
  for (const { spelling } of others) passed.delete(spelling)
  const again = firsts.flatMap(({ spelling }) => (passed.has(spelling) ? [] : [spelling]))
  await loadUncounted(context, from, again)
  await load(context, from, [...passed])
  // The target still has the key as the other row spelled it, which may be gone.
  const isBlocked = [...passed].some((key) => context.tally.rejected.inConflict.has(key))
  if (isBlocked) await retryConflicts(withoutSpellings(context), from)
}

/** Which of the keys that a run asked for in vain are those of rows that nothing else in the source stands for. */
export async function withoutOtherSpelling(
  context: LoadContext,
  from: SpelledSource,
  missing: readonly string[],
): Promise<readonly string[]> {
  const { target, plan } = context
  if (!context.rejects.spellings || missing.length === 0) return missing
  await collectSpellings(context, from)
  await addKeys(context, 'missing', missing)
  if (context.transform) await removeLeftOut(context, from, await spellingsLike(target, plan, 'missing'))
  return keysWithoutSpelling(target, plan, 'missing')
}

/** Why a row is rejected whose key is that of another row of the source, once the target has read both. */
export function collapsedKey(plan: LoadPlan): RowError {
  const { name, type } = keyColumnOf(plan)
  const message = `its key is another spelling of the key of another row, and both are one ${type}`
  return { sqlState: keyCollapsed, message, column: name }
}

async function rejectAll(context: LoadContext, keys: readonly string[]): Promise<void> {
  const { tally, plan, rejects } = context
  const { spellings } = rejects
  const reason = collapsedKey(plan)
  const rejected = keys.map((key) => {
    const wasCounted = !spellings?.held.has(key) && (spellings?.read?.has(key) ?? true)
    if (wasCounted) uncount(tally)
    tally.counts.rowsExtracted += 1
    return newReject(context, { key, cells: undefined }, reason)
  })
  if (rejected.length > 0) await recordRejected(context, rejected)
}

/** Of the rows that became one, the first was inserted, or found, and the others have updated it, or were equal. */
function uncount({ counts }: Pick<Tally, 'counts'>): void {
  const where = (['rowsUpdated', 'rowsUnchanged', 'rowsInserted'] as const).find((name) => counts[name] > 0)
  if (where === undefined) return
  counts[where] -= 1
  counts.rowsExtracted -= 1
}

/** Loads rows that were counted when they were read, or that this run has nothing else to do with. */
export async function loadUncounted(
  context: LoadContext,
  from: SpelledSource,
  keys: readonly string[],
): Promise<void> {
  const { tally } = context
  const before = { ...tally.counts }
  const { keys: keysBefore } = tally
  await load(context, from, keys)
  Object.assign(tally.counts, before)
  tally.keys = keysBefore
}

async function load(context: LoadContext, { rowsOf }: SpelledSource, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return
  const { target } = context
  for await (const batch of rowsOf(keys)) {
    await target.script([clearStage, setSavepoint])
    await loadBatch(withoutSpellings(context), batch, false)
    await target.script([releaseSavepoint, clearStage])
  }
}

/** To load rows that are no longer held back. */
const withoutSpellings = (context: LoadContext): LoadContext => ({
  ...context,
  rejects: { ...context.rejects, spellings: undefined },
})
