import { addedPersonalColumns } from '../../chatwoot/added-columns.js'
import { protectedColumns } from '../../chatwoot/column-rules.js'
import type { Warning } from '../../domain/report.js'
import type { ResolvedOptions } from '../../options.js'
import type { State } from './state.js'

type Rules = Pick<ResolvedOptions, 'columns' | 'messageTexts'>

/** What of the last state decides about columns that it did not know. */
export type KnownColumns = Pick<State, 'protectionDigest' | 'protection'>

/**
 * Columns with personal data that a release added to a table whose last run protected something, and that the options do not name: an upgrade
 * must not load in clear what nobody has decided about.
 */
export function heldColumns(
  { columns = {}, messageTexts }: Rules,
  loaded: readonly string[],
  last: KnownColumns | undefined,
): readonly string[] {
  const named = protectedColumns(columns)
  const isProtecting = named.length > 0 || !messageTexts
  if (!isProtecting || typeof last?.protectionDigest !== 'string') return []
  const { held = [], personal: known = [] } = last.protection ?? {}
  const decided = [...named, ...(columns.include ?? [])]
  return personalAmong(loaded).filter(
    (name) => !decided.includes(name) && (held.includes(name) || !known.includes(name)),
  )
}

/** Those of the columns that hold personal data and came after the first release. */
export function personalAmong(loaded: readonly string[]): readonly string[] {
  return addedPersonalColumns.filter((name) => loaded.includes(name))
}

/** For the run that leaves them out first. */
export function heldWarnings(held: readonly string[], last: KnownColumns | undefined): Warning[] {
  const isNew = held.some((name) => !last?.protection?.held?.includes(name))
  if (!isNew) return []
  const message =
    `New columns with personal data stay empty, as the last run protected columns: ${held.join(', ')}. ` +
    'Name each in columns.exclude, hash, mask or keepKeys, or in columns.include to load it.'
  return [{ code: 'COLUMNS_HELD', message }]
}
