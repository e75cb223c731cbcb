import { Option, type Command } from 'commander'

import type { Retry, SyncOptions, TriggeredBy } from '../../lib/index.js'
import { syncConversations } from '../../lib/sync.js'
import { databasesOf } from '../flags/databases.js'
import { addLoadOptions, loadOptionsOf, type LoadFlags } from '../flags/load-flags.js'
import { addOutputOptions, type OutputFlags } from '../flags/output-flags.js'
import { inboxIds, type InboxFlag } from '../flags/inbox-names.js'
import { addPipelineOptions, pipelineOptionsOf, type PipelineFlags } from '../flags/pipeline-flags.js'
import { loadSettings } from '../flags/settings-file.js'
import { openLog } from '../logs/run-log.js'
import { printError, withoutSecrets } from '../output/error-output.js'
import { writeLakesAfterRun, type LakesFlag } from '../output/lakes-after-run.js'
import { printReport } from '../output/print-report.js'
import { openProgress, type ProgressView, type Step } from '../output/progress.js'
import { sendAlertsAfterRun } from '../output/send-alerts.js'
import { syncSummary } from '../output/sync-summary.js'
import { stopSignal } from '../process/stop-signal.js'
import { offerCollector } from '../process/collector.js'

interface SyncFlags extends PipelineFlags, LoadFlags, OutputFlags, LakesFlag {
  readonly full?: true
  readonly complete?: true
  readonly dryRun?: true
  readonly triggeredBy?: TriggeredBy
  readonly acceptNewSource?: true
  readonly reveal?: true
}

const examples = `
Examples:
  chatwoot-sync sync
  chatwoot-sync sync --full --triggered-by scheduler
  chatwoot-sync sync --dry-run --json
  chatwoot-sync sync --account 1 2 --time-zone UTC
  chatwoot-sync sync --relation my_view --key id \\
    --changed-at updated_at --table my_table --pipeline mine`

/** Registers `sync`. */
export function register(command: Command): void {
  command
    .option('--full', 'read everything, and soft-delete rows deleted in Chatwoot')
    .option('--complete', 'scan for every change, as a run that is started by hand')
    .option('--dry-run', 'count what would change, and write nothing')
    .option('--lake', 'then bring the lakes of the pipeline up to date')
    .addOption(
      new Option('--triggered-by <who>', 'recorded with the run').choices(['manual', 'scheduler', 'api']),
    )
  addPipelineOptions(command)
    .option('--accept-new-source', 'soft-delete rows even though the source is another database')
    .option('--reveal', 'load columns with less protection than the last run')
  addOutputOptions(addLoadOptions(command)).addHelpText('after', examples).action(sync)
}

async function sync(given: Omit<SyncFlags, 'inbox'> & { readonly inbox?: InboxFlag }): Promise<void> {
  loadSettings(given.env)
  offerCollector()
  const flags = { ...given, inbox: await inboxIds(given.inbox) }
  const options = optionsOf(flags, stopSignal())
  await using log = await openLog(flags)
  const view = await openProgress(flags, options, (source, target) => `Reading ${source} into ${target}`)
  try {
    const onProgress = view && ((progress: Step) => view.update(progress))
    const onRetry = flags.quiet ? undefined : (retry: Retry) => printRetry(retry, view)
    const report = await syncConversations({ ...options, onProgress, onRetry, logger: log.logger })
    view?.close()
    const where = { ...options, logger: log.logger }
    const whole = flags.dryRun ? report : await writeLakesAfterRun(report, where, flags)
    printReport(whole, flags, syncSummary)
  } finally {
    view?.close()
    const { target, schema, pipeline, skewAllowance, signal } = options
    if (!flags.dryRun && !signal.aborted)
      await sendAlertsAfterRun({ target, schema, pipeline, skewAllowance, signal }, flags)
  }
}

function optionsOf(flags: SyncFlags, signal: AbortSignal) {
  const { full, complete, triggeredBy, acceptNewSource, reveal, dryRun } = flags
  return {
    ...databasesOf(['source', 'target'], process.env),
    ...pipelineOptionsOf(flags),
    ...loadOptionsOf(flags),
    ...{ complete, triggeredBy, acceptNewSource, reveal, dryRun, signal },
    loadType: full ? 'full' : undefined,
  } satisfies SyncOptions
}

/** Without this, a wrong host would look like a run that hangs. */
function printRetry({ message, wait }: Retry, view: ProgressView | undefined): void {
  view?.close()
  printError(`${withoutSecrets(message)} Trying again in ${(wait / 1000).toFixed(1)} s.`)
}
