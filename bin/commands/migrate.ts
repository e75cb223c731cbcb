import type { Command } from 'commander'

import { databasesOf, loadEnvironment } from '../flags/environment.js'
import { stopSignal } from '../stop-signal.js'

interface MigrateFlags {
  readonly env?: string
  readonly json?: true
}

const examples = `
Examples:
  chatwoot-sync migrate
  chatwoot-sync migrate --json
  chatwoot-sync migrate --env production.env

Safe to run twice, at every start, and by several at once.`

/** Describes `migrate` and what it does. */
export function register(command: Command): void {
  command
    .option('--env <file>', 'file with the settings (.env)')
    .option('--json', 'print the result as one JSON object')
    .addHelpText('after', examples)
    .action(migrateTarget)
}

async function migrateTarget(flags: MigrateFlags): Promise<void> {
  loadEnvironment(flags.env)
  const { target } = databasesOf(['target'], process.env)
  const { migrate } = await import('../../lib/postgres/migrate/migrate.js')
  const result = await migrate({ target, signal: stopSignal() })
  if (flags.json) {
    process.stdout.write(`${JSON.stringify(result)}\n`)
    return
  }
  const { applied, alreadyApplied } = result
  for (const name of applied) process.stdout.write(`Applied ${name}\n`)
  process.stdout.write(
    applied.length > 0
      ? `${applied.length} migrations applied; the target is up to date.\n`
      : `Nothing to do: all ${alreadyApplied} migrations had been applied before.\n`,
  )
}
