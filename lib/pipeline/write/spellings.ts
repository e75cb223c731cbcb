import { throwIfAborted } from '../../domain/abort.js'
import { rejectedInRun } from '../../postgres/control/rejects.js'
import type { Session } from '../../postgres/driver/session.js'
import { beginWriting, type Timeouts } from '../../postgres/driver/transaction.js'
import {
  addSpellings,
  createSpellings,
  removeSpellings,
  sharedSpellings,
  type SharedSpelling,
  type SpellingsOf,
} from '../../postgres/target/spellings.js'
import type { QueryScope } from '../read/queries.js'
import { addApart } from './add-apart.js'
import type { Spellings } from './hold-back.js'
import type { LoadContext } from './load-context.js'
import type { SourceRows } from './retry-conflicts.js'
import { keyBatches } from './soft-delete-missing.js'
import { keysLeftOut } from './transform-rows.js'

/** The source, and how rows of it are read once nothing else is. */
export interface SpelledSource extends SourceRows {
  readonly source: Session
  readonly scope: QueryScope
}

type Collecting = Pick<LoadContext, 'target' | 'plan' | 'signal'>

/** An incremental run that has read no row. */
export const isUntouched = ({ held, read }: Spellings): boolean => held.size === 0 && read?.size === 0

/** Spellings that share their key with others, but for those of rows that this run has rejected; with `transform`, those that it has to do with. */
export async function sharedInRun(
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
export async function collectSpellings(
  context: Collecting & Pick<LoadContext, 'rejects'>,
  from: Pick<SpelledSource, 'source' | 'scope'>,
): Promise<void> {
  const { spellings } = context.rejects
  if (!spellings || spellings.isCollected) return
  await collect(context, from)
  spellings.isCollected = true
}

/** Brings other keys to the target, each as it is spelled; to be compared with those of the source. */
export async function addKeys(
  { target, plan }: Pick<LoadContext, 'target' | 'plan'>,
  which: Exclude<SpellingsOf, 'source'>,
  keys: readonly string[],
): Promise<void> {
  await createSpellings(target, plan, which)
  await addApart(target, plan, keys, (session, load, some) => addSpellings(session, load, some, which))
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

/** Takes away the spellings of rows that `transform` leaves out, among these of the source, as they stand for no row. */
export async function removeLeftOut(
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
