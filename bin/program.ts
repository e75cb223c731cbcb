import { createRequire } from 'node:module'

import { Command, CommanderError, type Option } from 'commander'

import { complain } from './output/complaint.js'
import { exitCodes } from './exit-code.js'

/** Each is loaded when it is called for: a start must not pay for what another command needs. */
const commands = [
  {
    name: 'migrate',
    summary: 'prepare the target database, or bring it up to date',
    load: () => import('./commands/migrate.js'),
  },
  {
    name: 'sync',
    summary: 'bring what changed in Chatwoot into the target',
    load: () => import('./commands/sync.js'),
  },
  {
    name: 'verify',
    summary: 'compare the target with Chatwoot, and mend it',
    load: () => import('./commands/verify.js'),
  },
  {
    name: 'forget',
    summary: 'erase a contact, and keep it out of later runs',
    load: () => import('./commands/forget.js'),
  },
  { name: 'status', summary: 'show the last runs', load: () => import('./commands/status.js') },
  {
    name: 'rejects',
    summary: 'show the rows that the target could not take',
    load: () => import('./commands/rejects.js'),
  },
  {
    name: 'doctor',
    summary: 'check both databases, and say what to do',
    load: () => import('./commands/doctor.js'),
  },
  {
    name: 'health',
    summary: 'say whether all is well: exit code 0 or 4',
    load: () => import('./commands/health.js'),
  },
  {
    name: 'alerts',
    summary: 'tell people what is wrong, and when it is over',
    load: () => import('./commands/alerts.js'),
  },
  {
    name: 'watch',
    summary: 'sync by itself, at times or in intervals',
    load: () => import('./commands/watch.js'),
  },
  {
    name: 'schedule',
    summary: 'let systemd or cron run it each night',
    load: () => import('./commands/schedule.js'),
  },
  {
    name: 'serve',
    summary: 'serve a page, a REST API and metrics',
    load: () => import('./commands/serve.js'),
  },
  {
    name: 'demo',
    summary: 'show it all with two throwaway servers',
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

Settings come from the environment and from .env:
  SOURCE_DB_HOST, _PORT, _NAME, _USER, _PASSWORD
  LOCAL_DB_HOST, _PORT, _NAME, _USER, _PASSWORD
  or SOURCE_DATABASE_URL and LOCAL_DATABASE_URL

Exit code: 0 done, 1 failed, 2 wrong use or setting,
  3 another run is at work, 4 problems or differences found`

/** Runs one command and gives the exit code; whatever went wrong has been said. Never rejects. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  ignoreClosedPipes()
  let json = false
  const program = describeProgram().hook('preAction', (_, command) => {
    json = command.opts()['json'] === true
  })
  try {
    await program.parseAsync(args[0] === 'help' ? helpAsked(args.slice(1)) : args, { from: 'user' })
    return Number(process.exitCode ?? exitCodes.done)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.misused
    const { reportFailure } = await import('./output/failure.js')
    return reportFailure(error, json)
  }
}

/** `help sync` would show the command before its options are loaded; of a command that is none it is a mistake like others. */
function helpAsked(names: readonly string[]): readonly string[] {
  const [name] = names
  const isKnown = name === undefined || commands.some((command) => command.name === name)
  return isKnown ? [...names, '--help'] : names
}

function describeProgram(): Command {
  const manifest: { version: string } = createRequire(import.meta.url)('chatwoot-sync/package.json')
  const program = new Command('chatwoot-sync')
    .description('Keeps an analytics table in PostgreSQL equal to the conversations of a Chatwoot.')
    .usage('<command> [options]')
    .helpOption('-h, --help', 'show help, also of a command')
    .helpCommand(false)
    .configureHelp({ minWidthToWrap: 20, optionDescription })
    .version(manifest.version, '-V, --version', 'show the version')
    .addHelpText('after', examples)
    .exitOverride()
    .configureOutput({ outputError: (text) => complain(text.replace(/^error: /, '')) })
  for (const { name, summary } of commands) program.command(name).description(summary)
  return program.hook('preSubcommand', async (_, command) => {
    const known = commands.find(({ name }) => name === command.name())
    const { register } = (await known?.load()) ?? {}
    register?.(command)
  })
}

/** Choices and defaults as the descriptions without commander's help write them: `of the messages: en, pt-BR (en)`. */
function optionDescription({ description, argChoices, defaultValue }: Option): string {
  const choices = argChoices === undefined ? '' : `: ${argChoices.join(', ')}`
  const instead =
    defaultValue === undefined || typeof defaultValue === 'boolean' ? '' : ` (${String(defaultValue)})`
  return description + choices + instead
}

/** The reader of a pipe may go away, as `head` does; a run goes on without it. */
function ignoreClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.off('error', throwUnlessClosed).on('error', throwUnlessClosed)
  }
}

function throwUnlessClosed(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}
