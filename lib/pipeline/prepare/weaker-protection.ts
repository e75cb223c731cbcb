import { SyncError } from '../../domain/errors.js'
import type { ResolvedOptions } from '../../options.js'
import { personalAmong } from './held-columns.js'
import type { Plan } from './plan.js'
import type { Protection } from '../../postgres/source/protection.js'
import { messageColumns, type ProtectionPlan } from './protections.js'
import type { KeptProtection, State } from './state.js'

/** What the state of a run keeps of it. */
export function keptProtection(
  { columns, held }: ProtectionPlan,
  { messageTexts }: Pick<ResolvedOptions, 'messageTexts'>,
  loaded: readonly { readonly name: string }[],
): KeptProtection {
  const personal = personalAmong(loaded.map(({ name }) => name))
  return { columns: Object.fromEntries(columns), messageTexts, personal, held }
}

/**
 * Throws PROTECTION_WEAKENED, before a row is read, for a run that would load a column with less protection than the last one: it would
 * read everything and replace what was hashed, masked or left out, as where a flag was forgotten. `reveal` allows it.
 */
export function requireNotWeaker(
  earlier: State,
  { load, protection }: Pick<Plan, 'load' | 'protection'>,
  options: Pick<ResolvedOptions, 'messageTexts' | 'reveal'>,
): void {
  if (options.reveal) return
  const { protection: before, protectionDigest: digest } = earlier
  const now = keptProtection(protection, options, load.columns)
  const weaker = load.columns
    .map(({ name }) => name)
    // What was only held back until somebody names it, a name releases.
    .filter((column) => !before?.held?.includes(column))
    .filter((column) => before && isWeaker(column, now, before))
  // A state of an earlier release says that something was protected, and not what.
  const isUnknown = before === undefined && digest !== protection.namedDigest
  if (weaker.length > 0 || isUnknown) throw weakened(weaker)
}

function isWeaker(column: string, now: KeptProtection, before: KeptProtection): boolean {
  const how = protectionOf(column, now)
  const isShown = now.messageTexts && !before.messageTexts && column === compiled && holdsTexts(how)
  return isShown || isLess(how, protectionOf(column, before))
}

/** Without the texts of messages it keeps their times and senders; the other columns keep nothing. */
const compiled = 'message_compiled'

const holdsTexts = (how: Protection | undefined) =>
  how !== 'exclude' && (typeof how !== 'object' || how.keepKeys.includes('text'))

function protectionOf(column: string, { columns, messageTexts }: KeptProtection): Protection | undefined {
  const isEmpty = !messageTexts && column !== compiled && messageColumns.includes(column)
  return isEmpty ? 'exclude' : columns[column]
}

function isLess(how: Protection | undefined, than: Protection | undefined): boolean {
  if (typeof how !== 'object' || typeof than !== 'object') return strengthOf(how) < strengthOf(than)
  return how.keepKeys.some((key) => !than.keepKeys.includes(key))
}

/** A mask shows the shape of a text, a hash only which ones are equal. Keys are named of json, which is neither masked nor hashed. */
const strengths = { mask: 1, hash: 2, exclude: 3 } as const

function strengthOf(how: Protection | undefined): number {
  if (how === undefined) return 0
  return typeof how === 'object' ? 1 : strengths[how]
}

function weakened(columns: readonly string[]): SyncError {
  const which = columns.length > 0 ? columns.join(', ') : 'Columns'
  return new SyncError(
    'PROTECTION_WEAKENED',
    `${which} would be loaded with less protection than in the last run, which excluded, hashed, masked or reduced ${columns.length === 1 ? 'it' : 'them'}.`,
    {
      remedy:
        'Use the same columns, hashSecret and messageTexts as before, best in the settings that all commands share; if it is intended, run once with reveal (--reveal).',
      details: { columns },
    },
  )
}
