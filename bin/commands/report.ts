import { readFile } from 'node:fs/promises'

import { Option, type Command } from 'commander'

import { SyncError } from '../../lib/domain/errors.js'
import type { ReportGroup } from '../../lib/index.js'
import { databasesOf } from '../flags/databases.js'
import { wholeNumber } from '../flags/option-values.js'
import { addSchemaOption, schemaOf, type SchemaFlags } from '../flags/schema-flag.js'
import { loadSettings } from '../flags/settings-file.js'
import { printReport } from '../output/print-report.js'
import { reportCsv } from '../output/report-csv.js'
import { reportSummary } from '../output/report-summary.js'
import { exitCodes } from '../process/exit-code.js'

interface ReportFlags extends SchemaFlags {
  readonly since: string
  readonly until: string
  readonly by?: ReportGroup
  readonly businessHours?: true
  readonly account?: number
  readonly zone?: string
  readonly inbox?: number
  readonly compare?: string
  readonly env?: string
  readonly json?: true
  readonly csv?: true
}

const examples = `
Examples:
  chatwoot-sync report --since 2026-06-01 --until 2026-06-30
  chatwoot-sync report --since 2026-06-01 --until 2026-06-30 \\
    --by agent --business-hours
  chatwoot-sync report --since 2026-06-01 --until 2026-06-30 \\
    --zone America/Sao_Paulo --compare agent-report.csv

A day ends at 23:59:59, as on Chatwoot's page. --compare takes
the CSV that a page of Chatwoot's reports downloads. With
SOURCE_* set, events of deleted conversations are counted,
which Chatwoot's page includes and the table cannot.

Exit code: 0, or 4 when a number of the CSV differs`

/** Registers `report`. */
export function register(command: Command): void {
  addSchemaOption(command)
    .requiredOption('--since <day>', 'first day, or a time')
    .requiredOption('--until <day>', 'last day, or a time before which it ends')
    .addOption(new Option('--by <group>', 'add a table').choices(['agent', 'inbox', 'team', 'label']))
    .option('--business-hours', 'times within working hours')
    .option('--account <id>', 'account (the only one)', wholeNumber(1))
    .option('--zone <name>', "time zone of the days (the account's)")
    .option('--compare <file>', 'compare with a CSV of Chatwoot')
    .option('--inbox <id>', 'inbox of a traffic CSV (all)', wholeNumber(1))
    .option('--env <file>', 'settings file (.env)')
    .option('--json', 'print one JSON object')
    .addOption(new Option('--csv', 'print the numbers as CSV').conflicts('json'))
    .addHelpText('after', examples)
    .action(report)
}

async function report(flags: ReportFlags): Promise<void> {
  loadSettings(flags.env)
  const { target } = databasesOf(['target'], process.env)
  const { since, until, by, businessHours, account, zone, inbox } = flags
  const compare = flags.compare === undefined ? undefined : await readCsv(flags.compare)
  const { readReport } = await import('../../lib/operations/report/read-report.js')
  const found = await readReport({
    ...{ target, schema: schemaOf(flags, process.env), source: sourceIfSet(), since, until },
    ...{ by, businessHours, account, zone, inbox, compare },
  })
  if (found.comparison?.some(({ isEqual }) => !isEqual)) process.exitCode = exitCodes.unhealthy
  if (flags.csv) process.stdout.write(reportCsv(found))
  else printReport(found, flags, reportSummary)
}

/** A report needs no source: without its settings it says so. */
function sourceIfSet() {
  const isSet = ['SOURCE_DATABASE_URL', 'SOURCE_DB_HOST'].some((name) => process.env[name]?.trim())
  return isSet ? databasesOf(['source'], process.env).source : undefined
}

async function readCsv(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new SyncError('CONFIG_INVALID', `The file ${path} cannot be read.`, {
      remedy: 'Name a CSV that a page of the reports of Chatwoot has downloaded.',
      cause,
    })
  }
}
