import type { Command } from 'commander'

import type { MigrateResult } from '../../lib/index.js'
import { databasesOf } from '../flags/databases.js'
import { addSchemaOption, schemaOf, type SchemaFlags } from '../flags/schema-flag.js'
import { loadSettings } from '../flags/settings-file.js'
import { printReport } from '../output/print-report.js'
import { stopSignal } from '../process/stop-signal.js'

interface MigrateFlags extends SchemaFlags {
  readonly env?: string
  readonly json?: true
}

const examples = `
Examples:
  chatwoot-sync migrate
  chatwoot-sync migrate --json
  chatwoot-sync migrate --env production.env

Safe to run repeatedly, at every start, and concurrently.`

/** Registers `migrate`. */
export function register(command: Command): void {
  addSchemaOption(command)
    .option('--env <file>', 'settings file (.env)')
    .option('--json', 'print the result as one JSON object')
    .addHelpText('after', examples)
    .action(migrateTarget)
}

async function migrateTarget(flags: MigrateFlags): Promise<void> {
  loadSettings(flags.env)
  const { target } = databasesOf(['target'], process.env)
  // Not by the index, which would load the whole library.
  const { migrate } = await import('../../lib/postgres/migrate/migrate.js')
  printReport(
    await migrate({ target, schema: schemaOf(flags, process.env), signal: stopSignal() }),
    flags,
    resultText,
  )
}

function resultText({ applied, alreadyApplied, notes }: MigrateResult): string {
  const names = applied.map((name) => `Applied ${name}\n`).join('')
  const changes =
    notes.length > 0 ? `\nWhat changes for you:\n${notes.map((note) => `- ${note}\n`).join('')}` : ''
  if (applied.length === 0)
    return `Nothing to do: all ${alreadyApplied} migrations are already applied.\n${changes}`
  return `${names}${applied.length} migrations applied; the target is up to date.\n${changes}`
}
