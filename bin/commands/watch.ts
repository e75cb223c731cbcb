import type { Command } from 'commander'

import type { SyncReport, WatchOptions } from '../../lib/index.js'
import { databasesOf } from '../flags/databases.js'
import { addLoadOptions, loadOptionsOf, type LoadFlags } from '../flags/load-flags.js'
import { duration } from '../flags/option-values.js'
import { addOutputOptions, type OutputFlags } from '../flags/output-flags.js'
import { inboxIds, type InboxFlag } from '../flags/inbox-names.js'
import { addPipelineOptions, pipelineOptionsOf, type PipelineFlags } from '../flags/pipeline-flags.js'
import { loadSettings } from '../flags/settings-file.js'
import { openLog } from '../logs/run-log.js'
import { reportFailure } from '../output/error-output.js'
import { writeLakesAfterRun, type LakesFlag } from '../output/lakes-after-run.js'
import { printReport } from '../output/print-report.js'
import { sendAlertsAfterRun } from '../output/send-alerts.js'
import { syncSummary } from '../output/sync-summary.js'
import { serviceStopSignal } from '../process/stop-signal.js'
import { offerCollector } from '../process/collector.js'

interface WatchFlags extends PipelineFlags, LoadFlags, OutputFlags, LakesFlag {
  readonly cron?: string
  readonly every?: number
  readonly cronTimeZone?: string
  readonly jitter?: number
  readonly probeEvery?: number
  readonly expectedInterval?: number
}

const examples = `
Examples:
  chatwoot-sync watch --every 5m
  chatwoot-sync watch --cron '0 3 * * *'
  chatwoot-sync watch --cron '*/15 8-18 * * 1-5' \\
    --cron-time-zone America/Sao_Paulo --jitter 30s

Runs never overlap. After a failure it tries again, with
growing delays. SIGTERM and SIGINT stop it within five
seconds; the current run is closed, and the next one
continues it. Alerts go to the channels in ALERT_*.`

/** Registers `watch`. */
export function register(command: Command): void {
  command
    .option('--every <time>', 'from the start of one run to the next, such as 5m', duration)
    .option('--cron <times>', 'or at these times, in cron syntax')
    .option('--cron-time-zone <name>', "time zone of --cron (the host's)")
    .option('--jitter <time>', 'delay each run randomly, by at most this (0s)', duration)
    .option('--probe-every <time>', 'check for open transactions between runs; 0s: never', duration)
    .option('--expected-interval <time>', 'between successful runs, for alerts (--every, or 24h)', duration)
    .option('--lake', 'after each run, bring the lakes of the pipeline up to date')
  addPipelineOptions(command)
  addOutputOptions(addLoadOptions(command), 'print one JSON object per line')
    .addHelpText('after', examples)
    .action(watchDatabases)
}

async function watchDatabases(
  given: Omit<WatchFlags, 'inbox'> & { readonly inbox?: InboxFlag },
): Promise<void> {
  loadSettings(given.env)
  offerCollector()
  const flags = { ...given, inbox: await inboxIds(given.inbox) }
  const options = optionsOf(flags, serviceStopSignal())
  await using log = await openLog(flags)
  const { watch } = await import('../../lib/index.js')
  const { target, schema, pipeline, skewAllowance, every, signal } = options
  const { expectedInterval = every } = flags
  const scope = { target, schema, pipeline, skewAllowance, expectedInterval, signal }
  await watch({
    ...options,
    logger: log.logger,
    onRun: async ({ report, error }) => {
      const whole = report && (await writeLakesAfterRun(report, { ...options, logger: log.logger }, flags))
      printOutcome({ report: whole, error }, flags)
      if (!signal.aborted) await sendAlertsAfterRun(scope, flags)
    },
    onWait: (next) => printNext(next, flags),
  })
}

function optionsOf(flags: WatchFlags, signal: AbortSignal) {
  const { cron, every, cronTimeZone, jitter, probeEvery } = flags
  return {
    ...databasesOf(['source', 'target'], process.env),
    ...pipelineOptionsOf(flags),
    ...loadOptionsOf(flags),
    ...{ cron, every, cronTimeZone, jitter, probeEvery, signal },
  } satisfies WatchOptions
}

function printOutcome(
  { report, error }: { readonly report: SyncReport | undefined; readonly error: unknown },
  flags: WatchFlags,
): void {
  if (report) printReport({ event: 'run', report }, flags, (_, width) => syncSummary(report, width))
  if (error !== undefined) reportFailure(error, flags.json === true)
}

function printNext(next: Date, flags: WatchFlags): void {
  const at = next.toISOString()
  const text = `Next run at ${at.slice(0, 19).replace('T', ' ')} UTC.\n`
  printReport({ event: 'wait', next: at }, flags, () => text)
}
