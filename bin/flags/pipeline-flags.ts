import type { Command } from 'commander'

import type { SyncOptions } from '../../lib/index.js'
import { idsOrName } from './inbox-names.js'
import { keptKeys } from './kept-keys.js'
import { duration, ids, share } from './option-values.js'
import { protectionOf, type ProtectionFlags } from './protection-settings.js'
import { addRelationOptions, relationOf, type RelationFlags } from './relation-flags.js'
import { addSchemaOption, schemaOf, type SchemaFlags } from './schema-flag.js'

/** What is read, where it goes and within which limits: `sync`, `verify`, `watch` and `serve` must be given the same. */
export interface PipelineFlags extends RelationFlags, ProtectionFlags, SchemaFlags {
  readonly table?: string
  readonly pipeline?: string
  readonly account?: readonly number[]
  readonly inbox?: readonly number[] | undefined
  readonly allowLossy?: true | readonly string[]
  readonly timeZone?: string
  readonly chatwootUrl?: string
  readonly skewAllowance?: number
  readonly statementTimeout?: number
  readonly lockTimeout?: number
  readonly maxDeleteShare?: number
}

export function addPipelineOptions(command: Command): Command {
  return addSchemaOption(addRelationOptions(command.optionsGroup('What to read, and where to write it:')))
    .option('--table <name>', 'table in the target (conversas_analytics)')
    .option('--pipeline <name>', 'name under which the state is kept (conversations)')
    .option('--account <id...>', 'only conversations of these accounts', ids)
    .option('--inbox <id...>', 'only conversations of these inboxes, by id or name', idsOrName)
    .option('--time-zone <name>', "for the calendar columns (the account's or inbox's)")
    .option('--chatwoot-url <url>', 'address of Chatwoot, for conversation_url (none)')
    .option('--allow-lossy [column...]', 'take values that these columns change (reject the row)')
    .optionsGroup('Personal data:')
    .option('--exclude-column <name...>', 'leave these columns empty')
    .option('--hash-column <name...>', 'store a keyed hash of these columns')
    .option('--mask-column <name...>', 'store only the shape of these columns')
    .option('--keep-keys <col=keys...>', 'load only these keys of a json column', keptKeys)
    .option('--include-column <name...>', 'load these new columns with personal data')
    .option('--no-message-texts', 'leave out what people wrote')
    .optionsGroup('Limits:')
    .option('--skew-allowance <time>', 'clock skew to tolerate in timestamps (60s)', duration)
    .option('--statement-timeout <time>', 'for one statement (10m)', duration)
    .option('--lock-timeout <time>', 'for a lock held by another session (60s)', duration)
    .option('--max-delete-share <share>', 'of rows that one run may soft-delete (0.2)', share)
}

/** The library's options for these flags. Throws CONFIG_MISSING for an incomplete relation. */
export function pipelineOptionsOf(flags: PipelineFlags) {
  const { table, pipeline, account, inbox, timeZone, skewAllowance } = flags
  const { statementTimeout, lockTimeout, maxDeleteShare, allowLossy } = flags
  return {
    ...{ relation: relationOf(flags), table, pipeline, accounts: account, inboxes: inbox, timeZone },
    ...{ schema: schemaOf(flags, process.env), allowLossy },
    chatwootUrl: flags.chatwootUrl ?? (process.env['CHATWOOT_URL']?.trim() || undefined),
    ...{ skewAllowance, statementTimeout, lockTimeout, maxDeleteShare, ...protectionOf(flags, process.env) },
  } satisfies Partial<SyncOptions>
}
