import { Option, type Command } from 'commander'

import type { LakeOptions } from '../../lib/index.js'
import { databasesOf } from '../flags/databases.js'
import { addStorageOptions, names, type StorageFlags } from '../flags/lake-flags.js'
import { duration } from '../flags/option-values.js'
import { addOutputOptions, type OutputFlags } from '../flags/output-flags.js'
import { addSchemaOption, schemaOf, type SchemaFlags } from '../flags/schema-flag.js'
import { loadSettings } from '../flags/settings-file.js'
import { openLog } from '../logs/run-log.js'
import { lakeSummary, unregisteredText } from '../output/lake-summary.js'
import { openLakeProgress } from '../output/lake-progress.js'
import { printReport } from '../output/print-report.js'
import { exitCodes } from '../process/exit-code.js'
import { stopSignal } from '../process/stop-signal.js'

interface LakeFlags extends SchemaFlags, StorageFlags, OutputFlags {
  readonly to: string
  readonly without?: readonly string[]
  readonly timestamps?: 'ntz' | 'utc'
  readonly check?: true
  readonly repair?: true
  readonly sinceScratch?: true
  readonly rebuild?: true
  readonly vacuum?: number
  readonly unregister?: true
  readonly table?: string
  readonly pipeline?: string
}

const examples = `
Examples:
  chatwoot-sync lake --to /data/lake
  chatwoot-sync lake --to s3://bucket/prefix --vacuum 7d
  chatwoot-sync lake --to /data/lake --check
  chatwoot-sync sync --lake

A Delta table of Parquet files, partitioned by month, for
DuckDB, ClickHouse, Spark, Polars and others. The first call
writes everything; later ones the months that changed.

Exit code: 0 when the lake is equal, 3 when another process
  writes it, 4 when --check found differences`

/** Registers `lake`. */
export function register(command: Command): void {
  command
    .requiredOption('--to <place>', 'a folder, or s3://bucket/prefix')
    .option('--without <columns...>', 'columns that the lake is to lack', names)
    .addOption(new Option('--timestamps <form>', 'times without a zone, or in UTC').choices(['ntz', 'utc']))
    .option('--check', 'compare every month, and write nothing')
    .option('--repair', 'compare every month, and write what differs')
    .option('--vacuum <time>', 'remove files unneeded for so long, such as 7d', duration)
    .option('--since-scratch', 'write every file anew')
    .option('--rebuild', 'the same, with other columns or types')
    .option('--unregister', 'end the lake, and keep its files')
    .option('--table <name>', 'table in the target (conversas_analytics)')
    .option('--pipeline <name>', 'pipeline that loads it (conversations)')
  addSchemaOption(command)
  addOutputOptions(addStorageOptions(command)).addHelpText('after', examples).action(lake)
}

async function lake(flags: LakeFlags): Promise<void> {
  loadSettings(flags.env)
  const options = optionsOf(flags, stopSignal())
  const { replicateToLake, unregisterLake } = await import('../../lib/index.js')
  if (flags.unregister) {
    const { to: place } = options
    const report = { lake: place, unregistered: await unregisterLake(options) }
    printReport(report, flags, unregisteredText)
    return
  }
  await using log = await openLog(flags)
  const view = openLakeProgress(flags)
  try {
    const report = await replicateToLake({ ...options, onProgress: view?.update, logger: log.logger })
    view?.close()
    if (report.differences?.some(({ kind }) => kind !== 'pending')) process.exitCode = exitCodes.unhealthy
    printReport(report, flags, lakeSummary)
  } finally {
    view?.close()
  }
}

function optionsOf(flags: LakeFlags, signal: AbortSignal) {
  const { to, without, timestamps, check, repair, sinceScratch, rebuild, vacuum, table, pipeline } = flags
  const { endpoint, region, pathStyle } = flags
  return {
    ...databasesOf(['target'], process.env),
    schema: schemaOf(flags, process.env),
    ...{ to, without, timestamps, check, repair, sinceScratch, rebuild, vacuum, table, pipeline, signal },
    ...{ endpoint, region, pathStyle },
  } satisfies LakeOptions
}
