import type { Command } from 'commander'

import type { PartitionOptions } from '../../lib/index.js'
import { databasesOf } from '../flags/databases.js'
import { wholeNumber } from '../flags/option-values.js'
import { addOutputOptions, type OutputFlags } from '../flags/output-flags.js'
import { addSchemaOption, schemaOf, type SchemaFlags } from '../flags/schema-flag.js'
import { loadSettings } from '../flags/settings-file.js'
import { openLog } from '../logs/run-log.js'
import { openPartitionProgress } from '../output/partition-progress.js'
import { partitionSummary } from '../output/partition-summary.js'
import { printReport } from '../output/print-report.js'
import { stopSignal } from '../process/stop-signal.js'

interface PartitionFlags extends SchemaFlags, OutputFlags {
  readonly dryRun?: true
  readonly monthsAhead?: number
  readonly undo?: true
  readonly cancel?: true
  readonly dropBefore?: string
  readonly table?: string
  readonly pipeline?: string
}

const examples = `
Examples:
  chatwoot-sync partition --dry-run
  chatwoot-sync partition
  chatwoot-sync partition --drop-before conversas_analytics_before
  chatwoot-sync partition --undo

Rebuilds the table beside the one that is used, month by
month of conversation_created_at, while runs and queries go
on, and then exchanges the two. Killed, it goes on where it
was. It is for tables that have grown for years.

Exit code: 0 when it is done, 1 when something hangs on the
  table that would be lost, which it lists`

/** Registers `partition`. */
export function register(command: Command): void {
  command
    .option('--dry-run', 'show sizes and time, and change nothing')
    .option('--months-ahead <n>', 'months that runs make beforehand (3)', wholeNumber(0))
    .option('--undo', 'turn it into a table without partitions')
    .option('--cancel', 'drop what was built and not finished')
    .option('--drop-before <name>', 'drop the table of before, by its name')
    .option('--table <name>', 'table in the target (conversas_analytics)')
    .option('--pipeline <name>', 'pipeline that loads it (conversations)')
  addSchemaOption(command)
  addOutputOptions(command).addHelpText('after', examples).action(partition)
}

async function partition(flags: PartitionFlags): Promise<void> {
  loadSettings(flags.env)
  const { dryRun, monthsAhead, undo, cancel, dropBefore, table, pipeline } = flags
  const options = {
    ...databasesOf(['target'], process.env),
    schema: schemaOf(flags, process.env),
    ...{ dryRun, monthsAhead, undo, cancel, dropBefore, table, pipeline, signal: stopSignal() },
  } satisfies PartitionOptions
  const { partitionTable } = await import('../../lib/index.js')
  await using log = await openLog(flags)
  const view = openPartitionProgress(flags)
  try {
    const report = await partitionTable({ ...options, onProgress: view?.update, logger: log.logger })
    view?.close()
    printReport(report, flags, partitionSummary)
  } finally {
    view?.close()
  }
}
