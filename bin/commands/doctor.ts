import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Command } from 'commander'

import type { DiagnosisCheck } from '../../lib/index.js'
import { databasesOf } from '../flags/databases.js'
import { duration } from '../flags/option-values.js'
import { addRelationOptions, relationOf, type RelationFlags } from '../flags/relation-flags.js'
import { addSchemaOption, schemaOf, type SchemaFlags } from '../flags/schema-flag.js'
import { closeFile, readSettings, type SettingsFile } from '../flags/settings-file.js'
import { doctorSummary } from '../output/doctor-summary.js'
import { printReport } from '../output/print-report.js'
import { exitCodes } from '../process/exit-code.js'

interface DoctorFlags extends RelationFlags, SchemaFlags {
  readonly table?: string
  readonly pipeline?: string
  readonly skewAllowance?: number
  readonly env?: string
  readonly json?: true
  readonly writeMigration?: string | true
}

const examples = `
Examples:
  chatwoot-sync doctor
  chatwoot-sync doctor --json
  chatwoot-sync doctor --write-migration db/migrations
  chatwoot-sync doctor --relation my_view --key id \\
    --changed-at updated_at --table my_table

It writes to neither database. A custom relation is read
completely, to check that its keys are unique.

Exit code: 0 when a run can succeed, else 4`

/** Registers `doctor`. */
export function register(command: Command): void {
  addSchemaOption(addRelationOptions(command))
    .option('--table <name>', 'table in the target (conversas_analytics)')
    .option('--pipeline <name>', 'pipeline to check (conversations)')
    .option('--skew-allowance <time>', 'as for the runs (60s)', duration)
    .option('--write-migration [folder]', 'write a migration that adds missing columns (db/migrations)')
    .option('--env <file>', 'settings file (.env)')
    .option('--json', 'print one JSON object, with ok and checks')
    .addHelpText('after', examples)
    .action(doctor)
}

async function doctor(flags: DoctorFlags): Promise<void> {
  const settings = readSettings(flags.env)
  const databases = databasesOf(['source', 'target'], process.env)
  const { table, pipeline, skewAllowance } = flags
  const { diagnose } = await import('../../lib/index.js')
  const diagnosis = await diagnose({
    ...databases,
    ...{ schema: schemaOf(flags, process.env), relation: relationOf(flags), table, pipeline, skewAllowance },
  })
  const checks = [...(settings ? [checkFile(settings)] : []), ...diagnosis.checks]
  if (!diagnosis.ok) process.exitCode = exitCodes.unhealthy
  const { writeMigration } = flags
  const file = writeMigration === undefined ? undefined : writeMigrationOf(checks, writeMigration)
  printReport({ ok: diagnosis.ok, checks }, flags, () => doctorSummary(checks, process.stdout))
  if (writeMigration === undefined || flags.json) return
  process.stdout.write(file === undefined ? 'No columns are missing; no file written.\n' : `Wrote ${file}\n`)
}

/** Checked here, because the library reads no settings file. */
function checkFile(settings: SettingsFile): DiagnosisCheck {
  const { path, isOpen } = settings
  const name = 'settings-file'
  if (!isOpen) return { name, outcome: 'ok', message: `Only its owner can read ${path}.`, remedy: null }
  const message = `Other users can read ${path}, and the passwords in it.`
  return { name, outcome: 'warning', message, remedy: closeFile(settings) }
}

/** The path of the file that was written; undefined when no column is missing. */
function writeMigrationOf(checks: readonly DiagnosisCheck[], folder: string | true): string | undefined {
  const migration = checks.find((check) => check.migration !== undefined)?.migration
  if (migration === undefined) return undefined
  const directory = folder === true ? join('db', 'migrations') : folder
  const time = new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14)
  const file = join(directory, `${time}_add_source_columns.sql`)
  mkdirSync(directory, { recursive: true })
  writeFileSync(file, migration, { flag: 'wx' })
  return file
}
