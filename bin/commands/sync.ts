import { Option, type Command } from 'commander'

import type { LoadType, SyncOptions, SyncReport, TriggeredBy } from '../../lib/index.js'
import { databasesOf, loadEnvironment, secretsOf } from '../environment.js'
import { duration, moreIds, share, wholeNumber } from '../option-values.js'
import { relationOf, type RelationFlags } from '../own-relation.js'
import type { ProgressView } from '../progress-bar.js'
import { stopSignal } from '../stop-signal.js'

interface SyncFlags extends RelationFlags {
  readonly full?: true
  readonly dryRun?: true
  readonly triggeredBy?: TriggeredBy
  readonly table?: string
  readonly pipeline?: string
  readonly account?: readonly number[]
  readonly inbox?: readonly number[]
  readonly timeZone?: string
  readonly batchSize?: number
  readonly skewAllowance?: number
  readonly statementTimeout?: number
  readonly maxRejects?: number
  readonly maxDeleteShare?: number
  readonly acceptNewSource?: true
  readonly logDir: string
  readonly logFile: boolean
  readonly env?: string
  readonly quiet?: true
  readonly json?: true
}

const examples = `
Examples:
  chatwoot-sync sync
  chatwoot-sync sync --full --triggered-by scheduler
  chatwoot-sync sync --dry-run --json
  chatwoot-sync sync --account 1 2 --time-zone UTC
  chatwoot-sync sync --relation my_view --key id \\
    --changed-at updated_at --table my_table --pipeline mine`

/** Describes `sync` and what it does. */
export function register(command: Command): void {
  command
    .option('--full', 'read everything, and mark what is gone')
    .option('--dry-run', 'count what would happen, write nothing')
    .addOption(new Option('--triggered-by <who>', 'who asked for it').choices(['manual', 'scheduler', 'api']))
    .option('--relation <name>', 'a view or table in place of the tables of Chatwoot')
    .option('--key <column>', 'with --relation: the column that tells rows apart')
    .option('--changed-at <column>', 'with --relation: the column that each change moves')
    .option('--table <name>', 'table of the target (conversas_analytics)')
    .option('--pipeline <name>', 'name under which the state is kept (conversations)')
    .option('--account <id...>', 'only conversations of these accounts', moreIds)
    .option('--inbox <id...>', 'only conversations of these inboxes', moreIds)
    .option('--time-zone <name>', 'of the calendar columns (that of the inbox)')
    .option('--batch-size <rows>', 'rows of one batch at most (5000)', wholeNumber(1))
    .option('--skew-allowance <time>', 'by which stamps may be early (60s)', duration)
    .option('--statement-timeout <time>', 'for one statement (10m)', duration)
    .option('--max-rejects <rows>', 'rows that the target may refuse (0)', wholeNumber(0))
    .option('--max-delete-share <share>', 'of rows that may be marked deleted (0.2)', share)
    .option('--accept-new-source', 'mark what is gone though the source is another one')
    .option('--log-dir <folder>', 'folder of the log files', 'logs/etl')
    .option('--no-log-file', 'write no log file')
    .option('--env <file>', 'file with the settings (.env)')
    .option('--quiet', 'print nothing but complaints')
    .option('--json', 'print the report as one JSON object')
    .addHelpText('after', examples)
    .action(sync)
}

async function sync(flags: SyncFlags): Promise<void> {
  loadEnvironment(flags.env)
  const databases = databasesOf(['source', 'target'], process.env)
  const options = { ...databases, ...optionsOf(flags), signal: stopSignal() }
  await using log = await openLog(flags)
  const view = await openView(flags, options)
  try {
    const { syncConversations } = await import('../../lib/index.js')
    const onProgress = view && ((progress: Parameters<typeof view.update>[0]) => view.update(progress))
    const report = await syncConversations({ ...options, onProgress, logger: log.logger })
    view?.close()
    await print(report, flags)
  } finally {
    view?.close()
  }
}

function optionsOf(flags: SyncFlags): Omit<SyncOptions, 'source' | 'target'> {
  const loadType: LoadType | undefined = flags.full ? 'full' : undefined
  const { table, pipeline, triggeredBy, timeZone, batchSize, skewAllowance, statementTimeout } = flags
  const { account, inbox, maxRejects, maxDeleteShare, acceptNewSource, dryRun } = flags
  return {
    ...{ relation: relationOf(flags), table, pipeline, loadType, triggeredBy, timeZone, batchSize },
    ...{ accounts: account, inboxes: inbox, skewAllowance, statementTimeout, maxRejects, maxDeleteShare },
    ...{ acceptNewSource, dryRun },
  }
}

async function openLog({ logFile, logDir }: SyncFlags) {
  if (!logFile) return { logger: undefined, [Symbol.asyncDispose]: () => Promise.resolve() }
  const { createLogger } = await import('../../lib/operations/logs/logger.js')
  const secrets = secretsOf(process.env)
  const { logger, close } = await createLogger({ directory: logDir, console: 'off', secrets })
  return { logger, [Symbol.asyncDispose]: close }
}

/** A bar on a terminal, lines elsewhere. A bar does not disturb the JSON, which goes to stdout; lines would only be noise beside it. */
async function openView(
  { quiet, json }: SyncFlags,
  { source, target }: Pick<SyncOptions, 'source' | 'target'>,
): Promise<ProgressView | undefined> {
  const terminal = process.stderr
  if (quiet) return undefined
  if (terminal.isTTY && process.env['TERM'] !== 'dumb') {
    return (await import('../progress-bar.js')).openProgressBar(terminal)
  }
  if (json) return undefined
  const { addressOf } = await import('../../lib/postgres/connect.js')
  const [from, to] = [source, target].map((handle) => {
    const { host, port, database } = addressOf(handle)
    return `${host}:${port}/${database}`
  })
  terminal.write(`Reading ${from} into ${to}\n`)
  return (await import('../progress-lines.js')).openProgressLines(terminal)
}

async function print(report: SyncReport, { quiet, json }: SyncFlags): Promise<void> {
  if (json) {
    process.stdout.write(`${JSON.stringify(report)}\n`)
  } else if (!quiet) {
    const [{ syncSummary }, { textWidth }] = await Promise.all([
      import('../sync-summary.js'),
      import('../wrap.js'),
    ])
    process.stdout.write(syncSummary(report, textWidth(process.stdout)))
  }
}
