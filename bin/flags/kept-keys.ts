import { InvalidArgumentError } from 'commander'

import { SyncError } from '../../lib/domain/errors.js'

/** The keys of json columns that are loaded, by column. */
export type KeptKeys = Readonly<Record<string, readonly string[]>>

const usage = 'Use a column and its keys, such as custom_attributes=plan,city.'

/** Parses `custom_attributes=plan,city` and adds it to the earlier ones. Throws commander's error, which names the option. */
export function keptKeys(text: string, earlier: KeptKeys = {}): KeptKeys {
  const [column, keys] = entryOf(text)
  if (keys.length === 0) throw new InvalidArgumentError(usage)
  if (column in earlier) throw new InvalidArgumentError(`Name ${column} once, with all of its keys.`)
  return { ...earlier, [column]: keys }
}

/**
 * The keys of the flag and of CHATWOOT_SYNC_KEEP_KEYS, whose columns are separated by semicolons; undefined for none. Throws CONFIG_INVALID for a
 * column that both name with other keys, as commands without the flag would load less of it.
 */
export function keptKeysOf(flag: KeptKeys = {}, setting = ''): KeptKeys | undefined {
  const parts = setting.split(';').filter((part) => part.trim() !== '')
  const kept = new Map(Object.entries(flag))
  for (const part of parts) {
    const [column, keys] = entryOf(part)
    if (keys.length === 0) throw invalid(`CHATWOOT_SYNC_KEEP_KEYS has ${JSON.stringify(part.trim())}.`, usage)
    const earlier = kept.get(column)
    if (earlier && [...earlier].sort().join() !== [...keys].sort().join()) {
      throw invalid(`Keys of ${column} are named twice, and not the same ones.`, 'Name them once.')
    }
    kept.set(column, keys)
  }
  return kept.size > 0 ? Object.fromEntries(kept) : undefined
}

function entryOf(text: string): readonly [column: string, keys: readonly string[]] {
  const [column = '', ...rest] = text.split('=')
  const keys = rest.join('=').split(',')
  const named = column.trim() === '' ? [] : keys.map((key) => key.trim()).filter((key) => key !== '')
  return [column.trim(), [...new Set(named)]]
}

const invalid = (message: string, remedy: string) => new SyncError('CONFIG_INVALID', message, { remedy })
