import type { Command } from 'commander'

import { databasesOf, loadEnvironment } from '../flags/environment.js'
import { wholeNumber } from '../flags/option-values.js'

interface RejectsFlags {
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

/** Describes `rejects` and what it does. */
export function register(command: Command): void {
  command
    .option('--pipeline <name>', 'only the rows of this pipeline')
    .option('--limit <rows>', 'how many rows at most', wholeNumber(1), 20)
    .option('--env <file>', 'file with the settings (.env)')
    .option('--json', 'print one JSON object, with reasons and rows')
    .addHelpText('after', examples)
    .action(listRejects)
}

async function listRejects({ pipeline, limit, env, json }: RejectsFlags): Promise<void> {
  loadEnvironment(env)
  const { target } = databasesOf(['target'], process.env)
  const { readRejects } = await import('../../lib/operations/rejects.js')
  const rejects = await readRejects({ target, pipeline, limit })
  if (json) {
    process.stdout.write(`${JSON.stringify(rejects)}\n`)
    return
  }
  const [{ rejectsText }, { textWidth }] = await Promise.all([
    import('../output/rejects-text.js'),
    import('../output/wrap.js'),
  ])
  process.stdout.write(rejectsText(rejects, textWidth(process.stdout)))
}
