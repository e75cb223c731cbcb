import { createRequire } from 'node:module'

import { Command, CommanderError, type Option } from 'commander'

import { printError, reportFailure } from './output/error-output.js'
import { ignoreClosedPipes } from './process/closed-pipes.js'
import { exitCodes } from './process/exit-code.js'

/** Each command is loaded only when it is called, so that it does not slow down the start of the others. */
const commands = [
  {
    name: 'migrate',
    summary: 'create or update the tables in the target',
    load: () => import('./commands/migrate.js'),
  },
  {
    name: 'sync',
    summary: 'copy what changed in Chatwoot to the target',
    load: () => import('./commands/sync.js'),
  },
  {
    name: 'verify',
    summary: 'compare the target with Chatwoot, and repair it',
    load: () => import('./commands/verify.js'),
  },
  {
    name: 'forget',
    summary: 'erase a contact, and leave it out of later runs',
    load: () => import('./commands/forget.js'),
  },
  { name: 'status', summary: 'show the last runs', load: () => import('./commands/status.js') },
  {
    name: 'report',
    summary: "print the numbers of Chatwoot's report pages",
    load: () => import('./commands/report.js'),
  },
  {
    name: 'export',
    summary: 'write the table into one CSV or Parquet file',
    load: () => import('./commands/export.js'),
  },
  {
    name: 'lake',
    summary: 'keep a copy in a Delta lake of Parquet files',
    load: () => import('./commands/lake.js'),
  },
  {
    name: 'partition',
    summary: 'partition the table by month, or undo it',
    load: () => import('./commands/partition.js'),
  },
  {
    name: 'rejects',
    summary: 'show the rows that the target rejected',
    load: () => import('./commands/rejects.js'),
  },
  {
    name: 'doctor',
    summary: 'check both databases, and show what to fix',
    load: () => import('./commands/doctor.js'),
  },
  {
    name: 'health',
    summary: 'check that runs succeed: exit code 0 or 4',
    load: () => import('./commands/health.js'),
  },
  {
    name: 'alerts',
    summary: 'send alerts by chat, webhook or e-mail',
    load: () => import('./commands/alerts.js'),
  },
  {
    name: 'watch',
    summary: 'keep running, and sync at times or intervals',
    load: () => import('./commands/watch.js'),
  },
  {
    name: 'schedule',
    summary: 'run sync each night with systemd or cron',
    load: () => import('./commands/schedule.js'),
  },
  {
    name: 'serve',
    summary: 'serve a web page, a REST API and metrics',
    load: () => import('./commands/serve.js'),
  },
  {
    name: 'demo',
    summary: 'try everything on two temporary servers',
    load: () => import('./commands/demo.js'),
  },
] as const

const examples = `
Examples:
  cp .env.example .env && chmod 600 .env
  chatwoot-sync doctor
  chatwoot-sync migrate
  chatwoot-sync sync
  chatwoot-sync demo

Settings, from the environment or .env:
  SOURCE_DB_HOST, _PORT, _NAME, _USER, _PASSWORD
  LOCAL_DB_HOST, _PORT, _NAME, _USER, _PASSWORD
  or SOURCE_DATABASE_URL and LOCAL_DATABASE_URL
  SOURCE_DB_SSLMODE, _SSLROOTCERT, _SSLCERT, _SSLKEY
  LOCAL_DB_SSLMODE, ...: verify-full beyond this machine
  CHATWOOT_URL: for conversation_url
  CHATWOOT_SYNC_EXCLUDE_COLUMNS, _HASH_COLUMNS,
  _MASK_COLUMNS, _KEEP_KEYS, _INCLUDE_COLUMNS,
  _MESSAGE_TEXTS: personal data, for all

Exit code: 0 done, 1 failed, 2 wrong usage or settings,
  3 another run is running, 4 problems or differences found`

/** A command whose file is loaded. */
export interface LoadedCommand {
  register(command: Command): void
}

/** Runs one command and returns its exit code; errors have been printed. Never rejects. `loaded` are commands, by name, that need no loading. */
export async function runCommandLine(
  args: readonly string[],
  loaded: Readonly<Record<string, LoadedCommand>> = {},
): Promise<number> {
  ignoreClosedPipes()
  let json = false
  const program = describeProgram(loaded).hook('preAction', (_, command) => {
    json = command.opts()['json'] === true
  })
  try {
    await program.parseAsync(args[0] === 'help' ? helpArguments(args.slice(1)) : args, { from: 'user' })
    return Number(process.exitCode ?? exitCodes.done)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.misused
    return reportFailure(error, json)
  }
}

/** `help sync` as `sync --help`, because commander's own would print it before the options are loaded. An unknown name stays, as an error. */
function helpArguments(names: readonly string[]): readonly string[] {
  const [name] = names
  const isKnown = name === undefined || commands.some((command) => command.name === name)
  return isKnown ? [...names, '--help'] : names
}

function describeProgram(loaded: Readonly<Record<string, LoadedCommand>>): Command {
  const manifest: { version: string } = createRequire(import.meta.url)('chatwoot-sync/package.json')
  const program = new Command('chatwoot-sync')
    .description('Keeps an analytics table in PostgreSQL equal to the conversations in Chatwoot.')
    .usage('<command> [options]')
    .helpOption('-h, --help', 'show help; also works after a command')
    .helpCommand(false)
    .configureHelp({ minWidthToWrap: 20, optionDescription })
    .version(manifest.version, '-V, --version', 'show the version')
    .addHelpText('after', examples)
    .exitOverride()
    .configureOutput({ outputError: (text) => printError(text.replace(/^error: /, '')) })
  for (const { name, summary } of commands)
    program.command(name).description(summary).helpOption('-h, --help', 'show help')
  return program.hook('preSubcommand', async (_, command) => {
    const known = commands.find(({ name }) => name === command.name())
    const { register } = loaded[command.name()] ?? (await known?.load()) ?? {}
    register?.(command)
  })
}

/** Appends choices and default in the form of the other descriptions: `of the messages: en, pt-BR (en)`. */
function optionDescription({ description, argChoices, defaultValue }: Option): string {
  const choices = argChoices === undefined ? '' : `: ${argChoices.join(', ')}`
  const usual =
    defaultValue === undefined || typeof defaultValue === 'boolean' ? '' : ` (${String(defaultValue)})`
  return description + choices + usual
}
