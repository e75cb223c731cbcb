import { Option, type Command } from 'commander'

import type { LoadType, Retry, SyncOptions, SyncReport, TriggeredBy } from '../../lib/index.js'
import { redact } from '../../lib/domain/redact.js'
import { addCareOptions, careOptionsOf, type CareFlags } from '../flags/care-flags.js'
import { complain } from '../output/complaint.js'
import { databasesOf, loadEnvironment, secretsOf } from '../flags/environment.js'
import type { ProgressView, Step } from '../output/progress-bar.js'
import { openView } from '../output/progress-view.js'
import { addOutputOptions, addPipelineOptions, pipelineOptionsOf, type RunFlags } from '../flags/run-flags.js'
import { openLog } from '../logs/run-log.js'
import { stopSignal } from '../stop-signal.js'
import { tellPeopleAfterRun } from '../tell-people.js'

interface SyncFlags extends RunFlags, CareFlags {
  readonly full?: true
  readonly dryRun?: true
  readonly triggeredBy?: TriggeredBy
  readonly acceptNewSource?: true
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
  addPipelineOptions(command).option(
    '--accept-new-source',
    'mark what is gone though the source is another one',
  )
  addOutputOptions(addCareOptions(command)).addHelpText('after', examples).action(sync)
}

async function sync(flags: SyncFlags): Promise<void> {
  loadEnvironment(flags.env)
  const databases = databasesOf(['source', 'target'], process.env)
  const options = { ...databases, ...optionsOf(flags), signal: stopSignal() }
  await using log = await openLog(flags)
  const view = await openView(flags, options, (from, to) => `Reading ${from} into ${to}`)
  try {
    const { syncConversations } = await import('../../lib/index.js')
    const onProgress = view && ((progress: Step) => view.update(progress))
    const onRetry = flags.quiet ? undefined : (retry: Retry) => tellRetry(retry, view)
    const report = await syncConversations({ ...options, onProgress, onRetry, logger: log.logger })
    view?.close()
    await print(report, flags)
  } finally {
    view?.close()
    const { pipeline, skewAllowance } = flags
    const where = { target: databases.target, pipeline, skewAllowance, signal: options.signal }
    if (!flags.dryRun && !options.signal.aborted) await tellPeopleAfterRun(where, flags)
  }
}

/** Else a wrong host would look like a run that hangs. */
function tellRetry({ message, wait }: Retry, view: ProgressView | undefined): void {
  view?.close()
  complain(`${redact(message, secretsOf(process.env))} Trying again in ${(wait / 1000).toFixed(1)} s.`)
}

function optionsOf(flags: SyncFlags): Omit<SyncOptions, 'source' | 'target'> {
  const loadType: LoadType | undefined = flags.full ? 'full' : undefined
  const { triggeredBy, acceptNewSource, dryRun } = flags
  return {
    ...pipelineOptionsOf(flags),
    ...careOptionsOf(flags),
    loadType,
    triggeredBy,
    acceptNewSource,
    dryRun,
  }
}

async function print(report: SyncReport, { quiet, json }: SyncFlags): Promise<void> {
  if (json) {
    process.stdout.write(`${JSON.stringify(report)}\n`)
  } else if (!quiet) {
    const [{ syncSummary }, { textWidth }] = await Promise.all([
      import('../output/sync-summary.js'),
      import('../output/wrap.js'),
    ])
    process.stdout.write(syncSummary(report, textWidth(process.stdout)))
  }
}
