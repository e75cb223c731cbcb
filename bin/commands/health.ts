import { Option, type Command } from 'commander'

import type { Language } from '../../lib/index.js'
import { isAlertConfigured } from '../flags/alert-settings.js'
import { databasesOf } from '../flags/databases.js'
import { duration } from '../flags/option-values.js'
import type { OutputFlags } from '../flags/output-flags.js'
import { addSchemaOption, schemaOf, type SchemaFlags } from '../flags/schema-flag.js'
import { loadSettings } from '../flags/settings-file.js'
import { healthSummary } from '../output/health-summary.js'
import { printReport } from '../output/print-report.js'
import { sendAlertsAfterRun } from '../output/send-alerts.js'
import { exitCodes } from '../process/exit-code.js'

interface HealthFlags extends OutputFlags, SchemaFlags {
  readonly pipeline?: string
  readonly expectedInterval?: number
  readonly stuckAfter?: number
  readonly skewAllowance?: number
  readonly source: boolean
  readonly language: Language
  readonly alert?: true
}

const examples = `
Examples:
  chatwoot-sync health
  chatwoot-sync health --expected-interval 1h --json
  chatwoot-sync health --alert --quiet

Schedule it with cron: it works even when no run starts.
With --alert it sends an alert when a problem begins, and
another when it is solved. See chatwoot-sync alerts --help

Exit code: 0 when nothing is critical, else 4`

/** Registers `health`. */
export function register(command: Command): void {
  addSchemaOption(command)
    .option('--pipeline <name>', 'pipeline to check (conversations)')
    .option('--expected-interval <time>', 'between successful runs (24h)', duration)
    .option('--stuck-after <time>', 'a longer run is critical (6h)', duration)
    .option('--skew-allowance <time>', 'as for the runs (60s)', duration)
    .option('--no-source', 'do not check the connection to the source')
    .addOption(languageOption())
    .option('--alert', 'also send alerts, to the channels in ALERT_*')
    .option('--log-dir <folder>', 'folder for log files', 'logs/etl')
    .option('--no-log-file', 'write no log file, and do not check its disk')
    .option('--env <file>', 'settings file (.env)')
    .option('--quiet', 'print only errors and warnings')
    .option('--json', 'print one JSON object')
    .addHelpText('after', examples)
    .action(health)
}

function languageOption(): Option {
  return new Option('--language <name>', 'of the messages').choices(['en', 'pt-BR']).default('en')
}

async function health(flags: HealthFlags): Promise<void> {
  loadSettings(flags.env)
  const { pipeline, expectedInterval, stuckAfter, skewAllowance, language, logDir, logFile } = flags
  const schema = schemaOf(flags, process.env)
  const scope = { schema, pipeline, expectedInterval, stuckAfter, skewAllowance }
  const databases = databasesOf(flags.source ? ['source', 'target'] : ['target'], process.env)
  const { checkHealth } = await import('../../lib/index.js')
  const logDirectory = logFile ? logDir : undefined
  const report = await checkHealth({ ...databases, ...scope, language, logDirectory })
  if (!report.healthy) process.exitCode = exitCodes.unhealthy
  const stream = process.stdout
  // cron mails what is printed: without a channel nothing while all is well, and what is wrong as soon as something is.
  const hasNoChannel = flags.alert && flags.quiet && !isAlertConfigured(process.env)
  if (hasNoChannel && report.healthy) return
  const { quiet: _, ...loud } = flags
  printReport(report, hasNoChannel ? loud : flags, (shown, width) =>
    healthSummary(shown, { width, stream, language }),
  )
  if (!flags.alert) return
  const { target } = databases
  await sendAlertsAfterRun({ target, ...scope }, { logDir, logFile, requireChannel: true })
}
