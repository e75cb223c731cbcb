import type { Command } from 'commander'

import type { VerifyOptions, VerifyProgress } from '../../lib/index.js'
import { databasesOf } from '../flags/databases.js'
import { shareAboveZero } from '../flags/option-values.js'
import { addOutputOptions, type OutputFlags } from '../flags/output-flags.js'
import { inboxIds, type InboxFlag } from '../flags/inbox-names.js'
import { addPipelineOptions, pipelineOptionsOf, type PipelineFlags } from '../flags/pipeline-flags.js'
import { loadSettings } from '../flags/settings-file.js'
import { openLog } from '../logs/run-log.js'
import { printReport } from '../output/print-report.js'
import { openProgress } from '../output/progress.js'
import { sendAlertsAfterRun } from '../output/send-alerts.js'
import { verifySummary } from '../output/verify-summary.js'
import { exitCodes } from '../process/exit-code.js'
import { stopSignal } from '../process/stop-signal.js'

interface VerifyFlags extends PipelineFlags, OutputFlags {
  readonly repair?: true
  readonly sample?: number
}

const examples = `
Examples:
  chatwoot-sync verify
  chatwoot-sync verify --repair
  chatwoot-sync verify --sample 5% --json
  chatwoot-sync verify --relation my_view --key id \\
    --changed-at updated_at --table my_table --pipeline mine

Use the same relation, filters and time zone as for sync. It
cannot run while a sync of the pipeline is running.

Exit code: 0 when all rows are equal or were repaired,
  4 when differences remain`

/** Registers `verify`. */
export function register(command: Command): void {
  command
    .option('--repair', 'fix the differences')
    .option('--sample <share>', 'compare a random part of the rows (100%)', shareAboveZero)
  addPipelineOptions(command)
  addOutputOptions(command).addHelpText('after', examples).action(verify)
}

async function verify(given: Omit<VerifyFlags, 'inbox'> & { readonly inbox?: InboxFlag }): Promise<void> {
  loadSettings(given.env)
  const flags = { ...given, inbox: await inboxIds(given.inbox) }
  const options = optionsOf(flags, stopSignal())
  await using log = await openLog(flags)
  const view = await openProgress(flags, options, (source, target) => `Comparing ${source} with ${target}`)
  try {
    const { verifyConversations, differencesLeft } = await import('../../lib/index.js')
    const onProgress =
      view &&
      (({ rowsCompared: rowsExtracted, rowsExpected }: VerifyProgress) =>
        view.update({ phase: 'compare', rowsExtracted, rowsExpected }))
    const report = await verifyConversations({ ...options, onProgress, logger: log.logger })
    view?.close()
    if (differencesLeft(report) > 0) process.exitCode = exitCodes.unhealthy
    printReport(report, flags, verifySummary)
    const { target, schema, pipeline, skewAllowance, signal } = options
    await sendAlertsAfterRun({ target, schema, pipeline, skewAllowance, signal }, flags)
  } finally {
    view?.close()
  }
}

function optionsOf(flags: VerifyFlags, signal: AbortSignal) {
  const { repair, sample } = flags
  return {
    ...databasesOf(['source', 'target'], process.env),
    ...pipelineOptionsOf(flags),
    ...{ repair, sample, signal },
  } satisfies VerifyOptions
}
