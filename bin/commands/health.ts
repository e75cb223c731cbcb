import { Option, type Command } from 'commander'

import type { HealthReport, Language } from '../../lib/index.js'
import { databasesOf, loadEnvironment } from '../flags/environment.js'
import { exitCodes } from '../exit-code.js'
import { duration } from '../flags/option-values.js'
import { tellPeopleAfterRun } from '../tell-people.js'

interface HealthFlags {
  readonly pipeline?: string
  readonly expectedInterval?: number
  readonly stuckAfter?: number
  readonly skewAllowance?: number
  readonly source: boolean
  readonly language: Language
  readonly alert?: true
  readonly logDir: string
  readonly logFile: boolean
  readonly env?: string
  readonly quiet?: true
  readonly json?: true
}

const examples = `
Examples:
  chatwoot-sync health
  chatwoot-sync health --expected-interval 1h --json
  chatwoot-sync health --alert --quiet

It works when no run ever starts, so let cron call it: with
--alert it tells people, once when something begins and once
when it is over. See chatwoot-sync alerts --help

Exit code: 0 when nothing is critical, else 4`

/** Describes `health` and what it does. */
export function register(command: Command): void {
  command
    .option('--pipeline <name>', 'pipeline to look at (conversations)')
    .option('--expected-interval <time>', 'from one good run to the next (24h)', duration)
    .option('--stuck-after <time>', 'after which a run at work is critical (6h)', duration)
    .option('--skew-allowance <time>', 'as given to the runs (60s)', duration)
    .option('--no-source', 'do not look whether the source can be reached')
    .addOption(languageOption())
    .option('--alert', 'also tell people, where ALERT_* says how')
    .option('--log-dir <folder>', 'folder of the log files', 'logs/etl')
    .option('--no-log-file', 'write no log file, and do not look at their disk')
    .option('--env <file>', 'file with the settings (.env)')
    .option('--quiet', 'print nothing but complaints')
    .option('--json', 'print one JSON object')
    .addHelpText('after', examples)
    .action(health)
}

function languageOption(): Option {
  return new Option('--language <name>', 'of the messages').choices(['en', 'pt-BR']).default('en')
}

async function health(flags: HealthFlags): Promise<void> {
  loadEnvironment(flags.env)
  const { pipeline, expectedInterval, stuckAfter, skewAllowance, language, logDir, logFile } = flags
  const limits = { pipeline, expectedInterval, stuckAfter, skewAllowance }
  const databases = databasesOf(flags.source ? ['source', 'target'] : ['target'], process.env)
  const { checkHealth } = await import('../../lib/index.js')
  const logDirectory = logFile ? logDir : undefined
  const report = await checkHealth({ ...databases, ...limits, language, logDirectory })
  if (!report.healthy) process.exitCode = exitCodes.unhealthy
  await print(report, flags)
  if (flags.alert)
    await tellPeopleAfterRun({ target: databases.target, ...limits }, { ...flags, isAsked: true })
}

async function print(report: HealthReport, { quiet, json, language }: HealthFlags): Promise<void> {
  if (json) {
    process.stdout.write(`${JSON.stringify(report)}\n`)
  } else if (!quiet) {
    const [{ healthSummary }, { textWidth }] = await Promise.all([
      import('../output/health-summary.js'),
      import('../output/wrap.js'),
    ])
    const stream = process.stdout
    stream.write(healthSummary(report, { width: textWidth(stream), stream, language }))
  }
}
