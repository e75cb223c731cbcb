import type { Command } from 'commander'

import type { ForgetReport } from '../../lib/index.js'
import { databasesOf, loadEnvironment } from '../flags/environment.js'
import { wholeNumber } from '../flags/option-values.js'

interface ForgetFlags {
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

Without --yes it says what would be deleted, and changes
nothing. The rows are deleted for good, and later runs leave
the contact out. Chatwoot itself is not changed.`

/** Describes `forget` and what it does. */
export function register(command: Command): void {
  command
    .requiredOption('--contact <id>', 'id of the contact in Chatwoot', wholeNumber(1))
    .option('--yes', 'do it')
    .option('--undo', 'let later runs read the contact again')
    .option('--comment <text>', 'why, such as the number of the request; no personal data')
    .option('--table <name>', 'table of the target (conversas_analytics)')
    .option('--pipeline <name>', 'pipeline that loads it (conversations)')
    .option('--env <file>', 'file with the settings (.env)')
    .option('--json', 'print the report as one JSON object')
    .addHelpText('after', examples)
    .action(forget)
}

async function forget({ contact: contactId, yes, undo, comment, table, pipeline, env, json }: ForgetFlags) {
  loadEnvironment(env)
  const { target } = databasesOf(['target'], process.env)
  const { forgetContact } = await import('../../lib/index.js')
  const report = await forgetContact({ target, contactId, undo, comment, table, pipeline, dryRun: !yes })
  if (json) {
    process.stdout.write(`${JSON.stringify(report)}\n`)
    return
  }
  const [{ forgetSummary }, { textWidth }] = await Promise.all([
    import('../output/forget-summary.js'),
    import('../output/wrap.js'),
  ])
  process.stdout.write(forgetSummary(report satisfies ForgetReport, textWidth(process.stdout)))
}
