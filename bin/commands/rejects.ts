import type { Command } from 'commander'

import { databasesOf } from '../flags/databases.js'
import { wholeNumber } from '../flags/option-values.js'
import { addSchemaOption, schemaOf, type SchemaFlags } from '../flags/schema-flag.js'
import { loadSettings } from '../flags/settings-file.js'
import { printReport } from '../output/print-report.js'
import { rejectsList } from '../output/rejects-list.js'

interface RejectsFlags extends SchemaFlags {
  readonly pipeline?: string
  readonly limit: number
  readonly env?: string
  readonly json?: true
}

const examples = `
Examples:
  chatwoot-sync rejects
  chatwoot-sync rejects --pipeline mine --limit 100
  chatwoot-sync rejects --json`

/** Registers `rejects`. */
export function register(command: Command): void {
  addSchemaOption(command)
    .option('--pipeline <name>', 'only rows of this pipeline')
    .option('--limit <rows>', 'maximum number of rows', wholeNumber(1), 20)
    .option('--env <file>', 'settings file (.env)')
    .option('--json', 'print one JSON object, with reasons and rows')
    .addHelpText('after', examples)
    .action(listRejects)
}

async function listRejects(flags: RejectsFlags): Promise<void> {
  loadSettings(flags.env)
  const { target } = databasesOf(['target'], process.env)
  const { readRejects } = await import('../../lib/operations/rejects.js')
  const { pipeline, limit } = flags
  printReport(
    await readRejects({ target, schema: schemaOf(flags, process.env), pipeline, limit }),
    flags,
    rejectsList,
  )
}
