import type { Command } from 'commander'

import { databasesOf } from '../flags/databases.js'
import { wholeNumber } from '../flags/option-values.js'
import { addSchemaOption, schemaOf, type SchemaFlags } from '../flags/schema-flag.js'
import { loadSettings } from '../flags/settings-file.js'
import { forgetSummary } from '../output/forget-summary.js'
import { printReport } from '../output/print-report.js'
import { exitCodes } from '../process/exit-code.js'

interface ForgetFlags extends SchemaFlags {
  readonly contact: number
  readonly yes?: true
  readonly undo?: true
  readonly comment?: string
  readonly table?: string
  readonly pipeline?: string
  readonly env?: string
  readonly json?: true
}

const examples = `
Examples:
  chatwoot-sync forget --contact 123
  chatwoot-sync forget --contact 123 --yes --env .env.owner
  chatwoot-sync forget --contact 123 --undo --yes

Without --yes it shows what would be deleted, and changes
nothing. The rows are deleted permanently, and later runs
leave the contact out. Chatwoot itself is not changed.`

/** Registers `forget`. */
export function register(command: Command): void {
  addSchemaOption(command)
    .requiredOption('--contact <id>', "the contact's id in Chatwoot", wholeNumber(1))
    .option('--yes', 'make the change')
    .option('--undo', 'let later runs read the contact again')
    .option('--comment <text>', 'the reason, such as a ticket number; no personal data')
    .option('--table <name>', 'table in the target (conversas_analytics)')
    .option('--pipeline <name>', 'pipeline that loads it (conversations)')
    .option('--env <file>', 'settings file (.env)')
    .option('--json', 'print the report as one JSON object')
    .addHelpText('after', examples)
    .action(forget)
}

async function forget(flags: ForgetFlags): Promise<void> {
  loadSettings(flags.env)
  const { target } = databasesOf(['target'], process.env)
  const { contact: contactId, yes, undo, comment, table, pipeline } = flags
  const { forgetContact } = await import('../../lib/index.js')
  const schema = schemaOf(flags, process.env)
  const where = { target, schema, table, pipeline }
  const report = await forgetContact({ ...where, contactId, undo, comment, dryRun: !yes })
  if (report.lakes.some(({ error }) => error !== null)) process.exitCode = exitCodes.unhealthy
  printReport(report, flags, forgetSummary)
}
