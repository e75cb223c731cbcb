import { Option, type Command } from 'commander'

import type { ExportFormat, ExportOptions, ExportProgress } from '../../lib/index.js'
import { databasesOf } from '../flags/databases.js'
import { addSchemaOption, schemaOf, type SchemaFlags } from '../flags/schema-flag.js'
import { loadSettings } from '../flags/settings-file.js'
import { exportSummary } from '../output/export-summary.js'
import { printReport } from '../output/print-report.js'
import { openProgress } from '../output/progress.js'
import { stopSignal } from '../process/stop-signal.js'

interface ExportFlags extends SchemaFlags {
  readonly to: string
  readonly format?: ExportFormat
  readonly table?: string
  readonly without?: readonly string[]
  readonly includeDeleted?: true
  readonly timestamps?: 'ntz' | 'utc'
  readonly env?: string
  readonly quiet?: true
  readonly json?: true
}

const examples = `
Examples:
  chatwoot-sync export --to conversations.csv
  chatwoot-sync export --to conversations.parquet
  chatwoot-sync export --to /data/open.csv \\
    --without message_compiled,reporting_events

One row for each conversation of the table, as of one moment.
The file appears whole or not at all, and replaces one of that
name. Parquet needs npm install @duckdb/node-api.`

/** Registers `export`. */
export function register(command: Command): void {
  addSchemaOption(command)
    .requiredOption('--to <file>', 'the file to write')
    .addOption(new Option('--format <name>', 'by the name of the file, or').choices(['parquet', 'csv']))
    .option('--table <name>', 'table in the target (conversas_analytics)')
    .option('--without <column...>', 'leave out these columns', columnNames)
    .option('--include-deleted', 'soft-deleted rows too, with deleted_at')
    .addOption(
      new Option('--timestamps <form>', 'of Parquet, without or with a zone').choices(['ntz', 'utc']),
    )
    .option('--env <file>', 'settings file (.env)')
    .option('--quiet', 'print only errors')
    .option('--json', 'print the report as one JSON object')
    .addHelpText('after', examples)
    .action(exportFile)
}

const columnNames = (text: string, earlier: readonly string[] = []): readonly string[] => [
  ...earlier,
  ...text.split(',').map((name) => name.trim()),
]

async function exportFile(flags: ExportFlags): Promise<void> {
  loadSettings(flags.env)
  const { target } = databasesOf(['target'], process.env)
  const { to, format, table, without, includeDeleted, timestamps } = flags
  const options = {
    ...{ target, schema: schemaOf(flags, process.env), table, to, format },
    ...{ without, includeDeleted, timestamps, signal: stopSignal() },
  } satisfies ExportOptions
  const view = await openProgress(flags, { source: target, target }, (_, from) => `Exporting ${from}`)
  const onProgress =
    view &&
    (({ rowsExported: rowsExtracted, rowsExpected }: ExportProgress) =>
      view.update({ phase: 'load', rowsExtracted, rowsExpected }))
  try {
    const { exportConversations } = await import('../../lib/operations/export/export-conversations.js')
    const report = await exportConversations({ ...options, onProgress })
    view?.close()
    printReport(report, flags, exportSummary)
  } finally {
    view?.close()
  }
}
