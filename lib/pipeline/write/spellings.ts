import { throwIfAborted } from '../../domain/abort.js'
import { rejectedInRun } from '../../postgres/control/rejects.js'
import { keyCollapsed, type RowError } from '../../postgres/driver/row-error.js'
import type { Session } from '../../postgres/driver/session.js'
import {
  beginWriting,
  releaseSavepoint,
  setSavepoint,
  type Timeouts,
} from '../../postgres/driver/transaction.js'
import { keyColumnOf, type LoadPlan } from '../../postgres/target/load-plan.js'
import {
  addSpellings,
  createSpellings,
  keysWithoutSpelling,
  removeSpellings,
  sharedSpellings,
  spellingsLike,
  type SharedSpelling,
  type SpellingsOf,
} from '../../postgres/target/spellings.js'
import { clearStage } from '../../postgres/target/stage.js'
import type { QueryScope } from '../read/queries.js'
import type { Tally } from '../tally.js'
import { addApart } from './add-apart.js'
import { dropKeys } from './drop-keys.js'
import { loadBatch } from './load-batches.js'
import type { LoadContext } from './load-context.js'
import { newReject, recordRejected, type Spellings } from './rejects.js'
import { retryConflicts, type SourceRows } from './retry-conflicts.js'
import { keyBatches } from './soft-delete-missing.js'
import { keysLeftOut } from './transform-rows.js'

/** The source, and how rows of it are read once nothing else is. */
export interface SpelledSource extends SourceRows {
  readonly source: Session
  readonly scope: QueryScope
}

type Collecting = Pick<LoadContext, 'target' | 'plan' | 'signal'>

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
async function loadUncounted(
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

/**
 * Drops the rows that `transform` has left out and whose key in the target may be the key of another row, too: only where no row is left
 * that has it. Of the other rows, the one that is left alone is loaded again. To be called in the last transaction, before
 * `rejectCollapsed`, for which a row that is left out does not exist.
 */
export async function dropLeftOut(context: LoadContext, from: SpelledSource): Promise<void> {
  const { target, plan, dryRun, transform, rejects } = context
  const { spellings } = rejects
  if (!transform || !spellings || isUntouched(spellings)) return
  const shared = await sharedInRun(context, from)
  const { held } = spellings
  await removeLeftOut(context, from, [...shared.map(({ spelling }) => spelling), ...held])
  const { dropped } = transform
  for (const key of dropped) held.delete(key)
  if (dropped.size === 0) return
  await addKeys(context, 'dropped', [...dropped])
  const gone = await keysWithoutSpelling(target, plan, 'dropped')
  if (gone.length > 0) await dropKeys(context, gone)
  const again = leftAlone(shared, dropped).filter((key) => !held.has(key))
  if (!dryRun) await loadUncounted(context, from, again)
}

/** Spellings that no other one shares its key with any more. */
function leftAlone(shared: readonly SharedSpelling[], dropped: ReadonlySet<string>): readonly string[] {
  const kept = new Map<string, readonly string[]>()
  for (const { key, spelling } of shared) {
    if (!dropped.has(spelling)) kept.set(key, [...(kept.get(key) ?? []), spelling])
  }
  return [...kept.values()].flatMap((spellings) => (spellings.length === 1 ? spellings : []))
}

/** Keys of the source that are one key to the target with others; to be called outside of a transaction. */
export async function collapsingKeys(
  context: Collecting,
  from: Pick<SpelledSource, 'source' | 'scope'>,
  timeouts: Timeouts,
): Promise<ReadonlySet<string>> {
  const { target, plan } = context
  await target.script(beginWriting(timeouts))
  await collect(context, from)
  const shared = await sharedSpellings(target, plan, [])
  await target.script(['rollback'])
  return new Set(shared.map(({ spelling }) => spelling))
}

/** An incremental run that has read no row. */
const isUntouched = ({ held, read }: Spellings): boolean => held.size === 0 && read?.size === 0

/** Spellings that share their key with others, but for those of rows that this run has rejected; with `transform`, those that it has to do with. */
async function sharedInRun(
  context: Collecting & Pick<LoadContext, 'rejects' | 'transform'>,
  from: Pick<SpelledSource, 'source' | 'scope'>,
): Promise<readonly SharedSpelling[]> {
  const { target, plan, transform, rejects } = context
  await collectSpellings(context, from)
  const shared = await sharedSpellings(target, plan, await rejectedInRun(target, rejects))
  return transform && rejects.spellings ? touched(shared, rejects.spellings) : shared
}

/** In an incremental run, those of rows that it has read: which of the others `transform` leaves out is not known. */
function touched(shared: readonly SharedSpelling[], { read, held }: Spellings): readonly SharedSpelling[] {
  if (!read) return shared
  const isRead = ({ spelling }: SharedSpelling) => read.has(spelling) || held.has(spelling)
  const keys = new Set(shared.filter(isRead).map(({ key }) => key))
  return shared.filter(({ key }) => keys.has(key))
}

/** Brings all keys of the source to the target, once in a run, in the transaction that is open. */
async function collectSpellings(
  context: Collecting & Pick<LoadContext, 'rejects'>,
  from: Pick<SpelledSource, 'source' | 'scope'>,
): Promise<void> {
  const { spellings } = context.rejects
  if (!spellings || spellings.isCollected) return
  await collect(context, from)
  spellings.isCollected = true
}

/** Brings other keys to the target, each as it is spelled; to be compared with those of the source. */
async function addKeys(
  { target, plan }: Pick<LoadContext, 'target' | 'plan'>,
  which: Exclude<SpellingsOf, 'source'>,
  keys: readonly string[],
): Promise<void> {
  await createSpellings(target, plan, which)
  await addApart(target, plan, keys, (session, load, some) => addSpellings(session, load, some, which))
}

/** Takes away the spellings of rows that `transform` leaves out, among these of the source, as they stand for no row. */
async function removeLeftOut(
  { target, plan, transform }: Pick<LoadContext, 'target' | 'plan' | 'transform'>,
  { rowsOf }: Pick<SpelledSource, 'rowsOf'>,
  spellings: readonly string[],
): Promise<void> {
  if (!transform) return
  const { call, dropped } = transform
  const unknown = spellings.filter((spelling) => !dropped.has(spelling))
  if (unknown.length > 0) for (const key of await keysLeftOut(call, plan, rowsOf(unknown))) dropped.add(key)
  await removeSpellings(target, [...dropped])
}

async function collect(
  { target, plan, signal }: Collecting,
  { source, scope }: Pick<SpelledSource, 'source' | 'scope'>,
) {
  await createSpellings(target, plan, 'source')
  for await (const keys of keyBatches(source, scope)) {
    throwIfAborted(signal)
    await addApart(target, plan, keys, addSpellings)
  }
}
