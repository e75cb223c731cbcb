import { Option, type Command } from 'commander'

import { printable } from '../../lib/domain/printable.js'
import type { AlertDelivery } from '../../lib/index.js'
import { alertChannelsOf, alertLanguageOf } from '../flags/alert-settings.js'
import { databasesOf } from '../flags/databases.js'
import { duration } from '../flags/option-values.js'
import type { OutputFlags } from '../flags/output-flags.js'
import { addSchemaOption, schemaOf, type SchemaFlags } from '../flags/schema-flag.js'
import { loadSettings } from '../flags/settings-file.js'
import { printReport } from '../output/print-report.js'
import { printRejectedAlerts, sendConfiguredAlerts } from '../output/send-alerts.js'
import { exitCodes } from '../process/exit-code.js'
import { stopSignal } from '../process/stop-signal.js'

interface AlertFlags extends OutputFlags {
  readonly pipeline?: string
  readonly language?: string
}

interface CheckFlags extends AlertFlags, SchemaFlags {
  readonly expectedInterval?: number
  readonly stuckAfter?: number
  readonly skewAllowance?: number
}

const examples = `
Settings, in the environment or in .env:
  ALERT_SLACK_WEBHOOK_URL  Slack, Mattermost, Rocket.Chat
  ALERT_WEBHOOK_URL        receives each alert as JSON
  ALERT_SMTP_URL           smtp://user:password@host:587
  ALERT_MAIL_FROM, ALERT_MAIL_TO
  ALERT_LANGUAGE           en or pt-BR

sync, verify, watch and serve send alerts by themselves.
Schedule alerts check with cron as well: it notices when no
run starts.

Examples:
  chatwoot-sync alerts test
  chatwoot-sync alerts check --expected-interval 24h`

/** Registers `alerts check` and `alerts test`. */
export function register(command: Command): void {
  command.helpCommand(false).addHelpText('after', examples)
  const check = command.command('check').description('send alerts for new and for solved problems')
  addSharedOptions(addSchemaOption(check))
    .option('--expected-interval <time>', 'between successful runs (24h)', duration)
    .option('--stuck-after <time>', 'a longer run is critical (6h)', duration)
    .option('--skew-allowance <time>', 'as for the runs (60s)', duration)
    .option('--log-dir <folder>', 'folder for log files', 'logs/etl')
    .option('--no-log-file', 'write no log file')
    .action(checkAlerts)
  const test = command.command('test').description('send a test message to each channel')
  addSharedOptions(test).action(testAlerts)
}

function addSharedOptions(command: Command): Command {
  return command
    .option('--pipeline <name>', 'name of the pipeline (conversations)')
    .addOption(
      new Option('--language <name>', 'of the messages, overrides ALERT_LANGUAGE').choices(['en', 'pt-BR']),
    )
    .option('--env <file>', 'settings file (.env)')
    .option('--quiet', 'print only errors and warnings')
    .option('--json', 'print one JSON object, with deliveries')
}

async function checkAlerts(flags: CheckFlags): Promise<void> {
  prepareEnvironment(flags)
  const { target } = databasesOf(['target'], process.env)
  const { pipeline, expectedInterval, stuckAfter, skewAllowance, logDir, logFile } = flags
  const limits = { expectedInterval, stuckAfter, skewAllowance }
  const scope = { target, schema: schemaOf(flags, process.env), pipeline, ...limits, signal: stopSignal() }
  finish(await sendConfiguredAlerts(scope, { logDir, logFile, requireChannel: true }), flags)
}

async function testAlerts(flags: AlertFlags): Promise<void> {
  prepareEnvironment(flags)
  const channels = alertChannelsOf(process.env) ?? {}
  const language = alertLanguageOf(process.env)
  const { sendTestAlert } = await import('../../lib/index.js')
  const { pipeline } = flags
  const deliveries = await sendTestAlert({ channels, pipeline, language, signal: stopSignal() })
  printRejectedAlerts(deliveries)
  finish(deliveries, flags)
}

/** The option wins over the environment. */
function prepareEnvironment({ env, language }: AlertFlags): void {
  loadSettings(env)
  if (language !== undefined) process.env['ALERT_LANGUAGE'] = language
}

function finish(deliveries: readonly AlertDelivery[], flags: AlertFlags): void {
  if (deliveries.some(({ refusal }) => refusal !== null)) process.exitCode = exitCodes.failed
  printReport({ deliveries }, flags, () => sentText(deliveries))
}

function sentText(deliveries: readonly AlertDelivery[]): string {
  if (deliveries.length === 0) return 'No new alerts.\n'
  const sent = deliveries.filter(({ refusal }) => refusal === null)
  return sent.map(({ channel, title }) => `Sent to ${channel}: ${printable(title)}\n`).join('')
}
