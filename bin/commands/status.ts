import type { Command } from 'commander'

import { databasesOf } from '../flags/databases.js'
import { wholeNumber } from '../flags/option-values.js'
import { addSchemaOption, schemaOf, type SchemaFlags } from '../flags/schema-flag.js'
import { loadSettings } from '../flags/settings-file.js'
import { printReport } from '../output/print-report.js'
import { runTable } from '../output/run-table.js'

interface StatusFlags extends SchemaFlags {
  readonly pipeline?: string
  readonly limit: number
  readonly env?: string
  readonly json?: true
}

const examples = `
Examples:
  chatwoot-sync status
  chatwoot-sync status --limit 50 --pipeline mine
  chatwoot-sync status --limit 1 --json`

/** Registers `status`. */
export function register(command: Command): void {
  addSchemaOption(command)
    .option('--pipeline <name>', 'only runs of this pipeline')
    .option('--limit <runs>', 'maximum number of runs', wholeNumber(1), 10)
    .option('--env <file>', 'settings file (.env)')
    .option('--json', 'print one JSON object, with runs')
    .addHelpText('after', examples)
    .action(status)
}

async function status(flags: StatusFlags): Promise<void> {
  loadSettings(flags.env)
  const { target } = databasesOf(['target'], process.env)
  const { readStatus } = await import('../../lib/operations/status.js')
  const { pipeline, limit } = flags
  const runs = await readStatus({ target, schema: schemaOf(flags, process.env), pipeline, limit })
  printReport({ runs }, flags, (_, width) => runTable(runs, width))
}
