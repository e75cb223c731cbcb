import { Option, type Command } from 'commander'

import type { AlertDelivery } from '../../lib/index.js'
import { alertChannelsOf, alertLanguageOf } from '../flags/alert-settings.js'
import { databasesOf, loadEnvironment } from '../flags/environment.js'
import { exitCodes } from '../exit-code.js'
import { duration } from '../flags/option-values.js'
import { stopSignal } from '../stop-signal.js'
import { tellPeople, tellRefusals } from '../tell-people.js'
import { printable } from '../output/wrap.js'

interface AlertFlags {
  readonly pipeline?: string
  readonly language?: string
  readonly expectedInterval?: number
  readonly stuckAfter?: number
  readonly skewAllowance?: number
  readonly logDir: string
  readonly logFile: boolean
  readonly env?: string
  readonly quiet?: true
  readonly json?: true
}

const examples = `
Settings, by the environment or by .env:
  ALERT_SLACK_WEBHOOK_URL  Slack, Mattermost, Rocket.Chat
  ALERT_WEBHOOK_URL        gets each alert as JSON
  ALERT_SMTP_URL           smtp://user:password@host:587
  ALERT_MAIL_FROM, ALERT_MAIL_TO
  ALERT_LANGUAGE           en or pt-BR

sync, verify, watch and serve tell people by themselves. Let
cron call alerts check, for the night in which no run starts.

Examples:
  chatwoot-sync alerts test
  chatwoot-sync alerts check --expected-interval 24h`

/** Describes `alerts` and what it does. */
export function register(command: Command): void {
  command.helpCommand(false).addHelpText('after', examples)
  const check = command.command('check').description('tell people what is wrong, and what is over')
  addShared(check)
    .option('--expected-interval <time>', 'from one good run to the next (24h)', duration)
    .option('--stuck-after <time>', 'after which a run at work is critical (6h)', duration)
    .option('--skew-allowance <time>', 'as given to the runs (60s)', duration)
    .option('--log-dir <folder>', 'folder of the log files', 'logs/etl')
    .option('--no-log-file', 'write no log file')
    .action(checkAlerts)
  addShared(command.command('test').description('send a message to each channel')).action(testAlerts)
}

function addShared(command: Command): Command {
  return command
    .option('--pipeline <name>', 'pipeline to look at (conversations)')
    .addOption(
      new Option('--language <name>', 'of the messages, else ALERT_LANGUAGE').choices(['en', 'pt-BR']),
    )
    .option('--env <file>', 'file with the settings (.env)')
    .option('--quiet', 'print nothing but complaints')
    .option('--json', 'print one JSON object, with deliveries')
}

async function checkAlerts(flags: AlertFlags): Promise<void> {
  prepare(flags)
  const { target } = databasesOf(['target'], process.env)
  const { pipeline, expectedInterval, stuckAfter, skewAllowance } = flags
  const where = { target, pipeline, expectedInterval, stuckAfter, skewAllowance, signal: stopSignal() }
  print(await tellPeople(where, { ...flags, isAsked: true }), flags)
}

async function testAlerts(flags: AlertFlags): Promise<void> {
  prepare(flags)
  const channels = alertChannelsOf(process.env) ?? {}
  const { sendTestAlert } = await import('../../lib/operations/alerts/send-test-alert.js')
  const deliveries = await sendTestAlert({
    channels,
    pipeline: flags.pipeline,
    language: alertLanguageOf(process.env),
    signal: stopSignal(),
  })
  tellRefusals(deliveries)
  print(deliveries, flags)
}

/** The option wins over the environment. */
function prepare({ env, language }: AlertFlags): void {
  loadEnvironment(env)
  if (language !== undefined) process.env['ALERT_LANGUAGE'] = language
}

function print(deliveries: readonly AlertDelivery[], { json, quiet }: AlertFlags): void {
  if (deliveries.some(({ refusal }) => refusal !== null)) process.exitCode = exitCodes.failed
  if (json) {
    process.stdout.write(`${JSON.stringify({ deliveries })}\n`)
  } else if (!quiet) {
    const told = deliveries.filter(({ refusal }) => refusal === null)
    const lines = told.map(({ channel, title }) => `Told by ${channel}: ${printable(title)}`)
    const text = deliveries.length === 0 ? ['There is nothing new to tell.'] : lines
    process.stdout.write(text.map((line) => `${line}\n`).join(''))
  }
}
