import type { Command } from 'commander'

import type { SyncOptions } from '../../lib/index.js'
import { hashSecretOf } from './environment.js'
import { duration, moreIds, share } from './option-values.js'
import { relationOf, type RelationFlags } from './own-relation.js'

/** What `sync` and `verify` both take. */
export interface RunFlags extends RelationFlags {
  readonly table?: string
  readonly pipeline?: string
  readonly account?: readonly number[]
  readonly inbox?: readonly number[]
  readonly excludeColumn?: readonly string[]
  readonly hashColumn?: readonly string[]
  readonly maskColumn?: readonly string[]
  readonly messageTexts: boolean
  readonly timeZone?: string
  readonly skewAllowance?: number
  readonly statementTimeout?: number
  readonly lockTimeout?: number
  readonly maxDeleteShare?: number
  readonly logDir: string
  readonly logFile: boolean
  readonly env?: string
  readonly quiet?: true
  readonly json?: true
}

/** Describes what is read and where it goes: a comparison has to name the same as the runs. */
export function addPipelineOptions(command: Command): Command {
  return command
    .optionsGroup('What is read, and where it goes:')
    .option('--relation <name>', 'a view or table in place of the tables of Chatwoot')
    .option('--key <column>', 'with --relation: the column that tells rows apart')
    .option('--changed-at <column>', 'with --relation: the column that each change moves')
    .option('--table <name>', 'table of the target (conversas_analytics)')
    .option('--pipeline <name>', 'name under which the state is kept (conversations)')
    .option('--account <id...>', 'only conversations of these accounts', moreIds)
    .option('--inbox <id...>', 'only conversations of these inboxes', moreIds)
    .option('--time-zone <name>', 'of the calendar columns (that of the inbox)')
    .optionsGroup('Personal data:')
    .option('--exclude-column <name...>', 'leave these columns empty')
    .option('--hash-column <name...>', 'load a keyed hash of these columns in their place')
    .option('--mask-column <name...>', 'load the shape of these columns in their place')
    .option('--no-message-texts', 'leave out what people wrote')
    .optionsGroup('Limits:')
    .option('--skew-allowance <time>', 'how early a change may be stamped (60s)', duration)
    .option('--statement-timeout <time>', 'for one statement (10m)', duration)
    .option('--lock-timeout <time>', 'for a lock of somebody else (60s)', duration)
    .option('--max-delete-share <share>', 'of rows that may be marked deleted (0.2)', share)
}

/** Describes where settings come from and where output goes. */
export function addOutputOptions(command: Command, json = 'print the report as one JSON object'): Command {
  return command
    .optionsGroup('Settings and output:')
    .option('--log-dir <folder>', 'folder of the log files', 'logs/etl')
    .option('--no-log-file', 'write no log file')
    .option('--env <file>', 'file with the settings (.env)')
    .option('--quiet', 'print nothing but complaints')
    .option('--json', json)
}

/** The library's options that the flags of `addPipelineOptions` stand for. Throws CONFIG_MISSING for half a relation. */
export function pipelineOptionsOf(flags: RunFlags) {
  const { table, pipeline, account, inbox, timeZone, skewAllowance } = flags
  const { statementTimeout, lockTimeout, maxDeleteShare } = flags
  return {
    ...{ relation: relationOf(flags), table, pipeline, accounts: account, inboxes: inbox, timeZone },
    ...{ skewAllowance, statementTimeout, lockTimeout, maxDeleteShare, ...protectionOf(flags) },
  } satisfies Partial<SyncOptions>
}

/** The secret comes from the environment only: every user of the machine can read the arguments of a process. */
function protectionOf({ excludeColumn, hashColumn, maskColumn, messageTexts }: RunFlags) {
  const columns = { exclude: excludeColumn, hash: hashColumn, mask: maskColumn }
  const isAny = Object.values(columns).some((names) => names !== undefined)
  const hashSecret = hashColumn && hashSecretOf(process.env)
  return { columns: isAny ? columns : undefined, hashSecret, messageTexts }
}
