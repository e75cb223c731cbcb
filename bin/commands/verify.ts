import type { Command } from 'commander'

import type { VerifyProgress, VerifyReport } from '../../lib/index.js'
import { databasesOf, loadEnvironment } from '../flags/environment.js'
import { exitCodes } from '../exit-code.js'
import { someOf } from '../flags/option-values.js'
import { openView } from '../output/progress-view.js'
import { addOutputOptions, addPipelineOptions, pipelineOptionsOf, type RunFlags } from '../flags/run-flags.js'
import { openLog } from '../logs/run-log.js'
import { stopSignal } from '../stop-signal.js'
import { tellPeopleAfterRun } from '../tell-people.js'

interface VerifyFlags extends RunFlags {
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

Give the relation, the filters and the time zone that sync
is given. No run of the pipeline can be at work meanwhile.

Exit code: 0 when all rows are equal, or were repaired;
  4 when differences are left`

/** Describes `verify` and what it does. */
export function register(command: Command): void {
  command
    .option('--repair', 'mend what differs')
    .option('--sample <share>', 'compare a part of the rows, by chance (100%)', someOf)
  addPipelineOptions(command)
  addOutputOptions(command).addHelpText('after', examples).action(verify)
}

async function verify(flags: VerifyFlags): Promise<void> {
  loadEnvironment(flags.env)
  const databases = databasesOf(['source', 'target'], process.env)
  const { repair, sample } = flags
  const options = { ...databases, ...pipelineOptionsOf(flags), repair, sample, signal: stopSignal() }
  await using log = await openLog(flags)
  const view = await openView(flags, options, (from, to) => `Comparing ${from} with ${to}`)
  try {
    const { verifyConversations, differencesLeft } = await import('../../lib/index.js')
    const onProgress =
      view &&
      (({ rowsCompared: rowsExtracted, rowsExpected }: VerifyProgress) =>
        view.update({ phase: 'compare', rowsExtracted, rowsExpected }))
    const report = await verifyConversations({ ...options, onProgress, logger: log.logger })
    view?.close()
    if (differencesLeft(report) > 0) process.exitCode = exitCodes.unhealthy
    await print(report, flags)
    const { pipeline, skewAllowance } = flags
    const where = { target: databases.target, pipeline, skewAllowance, signal: options.signal }
    await tellPeopleAfterRun(where, flags)
  } finally {
    view?.close()
  }
}

async function print(report: VerifyReport, { quiet, json }: VerifyFlags): Promise<void> {
  if (json) {
    process.stdout.write(`${JSON.stringify(report)}\n`)
  } else if (!quiet) {
    const [{ verifySummary }, { textWidth }] = await Promise.all([
      import('../output/verify-summary.js'),
      import('../output/wrap.js'),
    ])
    process.stdout.write(verifySummary(report, textWidth(process.stdout)))
  }
}
