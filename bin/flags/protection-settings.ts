import { SyncError } from '../../lib/domain/errors.js'
import type { ColumnRules } from '../../lib/index.js'
import { keptKeysOf, type KeptKeys } from './kept-keys.js'
import { hashSecretOf } from './secrets.js'

type Environment = Readonly<Record<string, string | undefined>>

export interface ProtectionFlags {
  readonly excludeColumn?: readonly string[]
  readonly hashColumn?: readonly string[]
  readonly maskColumn?: readonly string[]
  readonly keepKeys?: KeptKeys
  readonly includeColumn?: readonly string[]
  readonly messageTexts: boolean
}

/**
 * How columns are protected: by the flags and by CHATWOOT_SYNC_EXCLUDE_COLUMNS, _HASH_COLUMNS, _MASK_COLUMNS, _INCLUDE_COLUMNS (names with commas),
 * _KEEP_KEYS and _MESSAGE_TEXTS together, so that all commands with the same settings protect the same. The secret comes only from the environment, because
 * every user of the machine can read the arguments of a process. Throws CONFIG_INVALID.
 */
export function protectionOf(flags: ProtectionFlags, environment: Environment) {
  const all = (given: readonly string[] = [], kind: string) => {
    const listed = environment[`CHATWOOT_SYNC_${kind}_COLUMNS`]?.split(',').map((name) => name.trim()) ?? []
    const names = [...new Set([...given, ...listed.filter((name) => name !== '')])]
    return names.length > 0 ? names : undefined
  }
  const columns: ColumnRules = {
    exclude: all(flags.excludeColumn, 'EXCLUDE'),
    hash: all(flags.hashColumn, 'HASH'),
    mask: all(flags.maskColumn, 'MASK'),
    keepKeys: keptKeysOf(flags.keepKeys, environment['CHATWOOT_SYNC_KEEP_KEYS']),
    include: all(flags.includeColumn, 'INCLUDE'),
  }
  const isAny = Object.values(columns).some((names) => names !== undefined)
  return {
    columns: isAny ? columns : undefined,
    hashSecret: columns.hash && hashSecretOf(environment),
    messageTexts: flags.messageTexts && messageTextsOf(environment),
  }
}

function messageTextsOf(environment: Environment): boolean {
  const text = environment['CHATWOOT_SYNC_MESSAGE_TEXTS']?.trim().toLowerCase() || 'true'
  if (text === 'true' || text === 'false') return text === 'true'
  throw new SyncError('CONFIG_INVALID', `CHATWOOT_SYNC_MESSAGE_TEXTS is ${JSON.stringify(text)}.`, {
    remedy: 'Use true, or false to leave out what people wrote.',
  })
}
