import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Command } from 'commander'

import type { Check } from '../../lib/operations/doctor/check.js'
import { closeFile, databasesOf, readEnvironment, type SettingsFile } from '../flags/environment.js'
import { exitCodes } from '../exit-code.js'
import { englishOutcomes, findingLines } from '../output/finding-lines.js'
import { relationOf, type RelationFlags } from '../flags/own-relation.js'
import { duration } from '../flags/option-values.js'
import { textWidth, wrap } from '../output/wrap.js'

interface DoctorFlags extends RelationFlags {
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

It writes nothing. A relation of your own is read whole,
to count its keys.

Exit code: 0 when a run can work, 4 when it cannot`

/** Describes `doctor` and what it does. */
export function register(command: Command): void {
  command
    .option('--relation <name>', 'a view or table in place of the tables of Chatwoot')
    .option('--key <column>', 'with --relation: the column that tells rows apart')
    .option('--changed-at <column>', 'with --relation: the column that each change moves')
    .option('--table <name>', 'table of the target (conversas_analytics)')
    .option('--pipeline <name>', 'pipeline to look at (conversations)')
    .option('--skew-allowance <time>', 'as given to the runs (60s)', duration)
    .option('--write-migration [folder]', 'make a file that adds missing columns (db/migrations)')
    .option('--env <file>', 'file with the settings (.env)')
    .option('--json', 'print one JSON object, with ok and checks')
    .addHelpText('after', examples)
    .action(doctor)
}

async function doctor(flags: DoctorFlags): Promise<void> {
  const settings = readEnvironment(flags.env)
  const databases = databasesOf(['source', 'target'], process.env)
  const { table, pipeline, skewAllowance, json, writeMigration } = flags
  const options = { ...databases, relation: relationOf(flags), table, pipeline, skewAllowance }
  const { diagnose } = await import('../../lib/operations/doctor/diagnose.js')
  const found = await diagnose(options)
  const diagnosis = { ...found, checks: [...(settings ? [checkFile(settings)] : []), ...found.checks] }
  const file = writeMigration === undefined ? undefined : writeMigrationOf(diagnosis.checks, writeMigration)
  if (!diagnosis.ok) process.exitCode = exitCodes.unhealthy
  process.stdout.write(json ? `${JSON.stringify(diagnosis)}\n` : findings(diagnosis.checks))
  if (writeMigration === undefined || json) return
  process.stdout.write(file === undefined ? 'No column is missing: no file was made.\n' : `Made ${file}\n`)
}

/** The library reads no file, so that this is for the command to look at. */
function checkFile(settings: SettingsFile): Check {
  const { path, isOpen } = settings
  const name = 'settings-file'
  if (!isOpen) return { name, outcome: 'ok', message: `Only its owner can read ${path}.`, remedy: null }
  const message = `Other users can read ${path}, and the passwords in it.`
  return { name, outcome: 'warning', message, remedy: closeFile(settings) }
}

/** The path of the file that was made; undefined when no column is missing. */
function writeMigrationOf(checks: readonly Check[], folder: string | true): string | undefined {
  const migration = checks.find((check) => check.migration !== undefined)?.migration
  if (migration === undefined) return undefined
  const directory = folder === true ? join('db', 'migrations') : folder
  const time = new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14)
  const file = join(directory, `${time}_add_source_columns.sql`)
  mkdirSync(directory, { recursive: true })
  writeFileSync(file, migration, { flag: 'wx' })
  return file
}

function findings(checks: readonly Check[]): string {
  const stream = process.stdout
  const width = textWidth(stream)
  const lines = findingLines(checks, { width, stream, words: englishOutcomes })
  return `${lines.join('\n')}\n\n${wrap(verdict(checks), width)}\n`
}

function verdict(checks: readonly Check[]): string {
  const count = (outcome: Check['outcome']) => checks.filter((check) => check.outcome === outcome).length
  const critical = count('critical')
  const warnings = count('warning')
  const also = warnings === 0 ? '' : ` Warnings: ${warnings}.`
  if (critical === 0) return `A run can work.${also}`
  return `A run cannot work yet. Problems to solve: ${critical}.${also}`
}
