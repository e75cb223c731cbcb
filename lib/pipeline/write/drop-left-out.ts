import { keysWithoutSpelling, type SharedSpelling } from '../../postgres/target/spellings.js'
import { addKeys, isUntouched, removeLeftOut, sharedInRun, type SpelledSource } from './collect-spellings.js'
import { dropKeys } from './drop-keys.js'
import type { LoadContext } from './load-context.js'
import { loadUncounted } from './reject-collapsed.js'

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
