import type { Command } from 'commander'

import { databasesOf, loadEnvironment } from '../flags/environment.js'
import { wholeNumber } from '../flags/option-values.js'

interface StatusFlags {
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

/** Describes `status` and what it does. */
export function register(command: Command): void {
  command
    .option('--pipeline <name>', 'only the runs of this pipeline')
    .option('--limit <runs>', 'how many runs at most', wholeNumber(1), 10)
    .option('--env <file>', 'file with the settings (.env)')
    .option('--json', 'print one JSON object, with runs')
    .addHelpText('after', examples)
    .action(status)
}

async function status({ pipeline, limit, env, json }: StatusFlags): Promise<void> {
  loadEnvironment(env)
  const { target } = databasesOf(['target'], process.env)
  const { readStatus } = await import('../../lib/operations/status.js')
  const runs = await readStatus({ target, pipeline, limit })
  if (json) {
    process.stdout.write(`${JSON.stringify({ runs })}\n`)
    return
  }
  const [{ runTable }, { textWidth }] = await Promise.all([
    import('../output/run-table.js'),
    import('../output/wrap.js'),
  ])
  process.stdout.write(runTable(runs, textWidth(process.stdout)))
}
