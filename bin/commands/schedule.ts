import { realpathSync } from 'node:fs'
import { resolve } from 'node:path'

import type { Command } from 'commander'

import type { InstallOptions } from '../schedule/install.js'
import { exitCodes } from '../exit-code.js'
import { textWidth, wrap } from '../output/wrap.js'

interface ScheduleFlags {
  readonly calendar?: string
  readonly cron?: string | true
  readonly user?: true
  readonly runAs?: string
  readonly command?: string
  readonly environmentFile?: string
  readonly syncOption?: readonly string[]
  readonly logDir?: string
  readonly directory?: string
  readonly json?: true
}

const examples = `
Examples:
  chatwoot-sync schedule print
  sudo chatwoot-sync schedule install
  chatwoot-sync schedule install --user \\
    --calendar 'Mon..Fri 06:30'
  (crontab -l; chatwoot-sync schedule print --cron) \\
    | crontab -

A run each day at 03:00; one that was missed is made up for,
one that failed is tried again. Every hour a health check
tells people what is wrong, where ALERT_* says how.
The settings are in a file that only its owner can read.`

/** Describes `schedule` and what it does. */
export function register(command: Command): void {
  command.helpCommand(false).addHelpText('after', examples)
  addUnitOptions(command.command('print').description('show what would be installed'))
    .option('--cron [times]', 'lines for crontab instead, such as "0 3 * * *"')
    .option('--log-dir <folder>', 'with --cron: folder of the log files')
    .action(print)
  addUnitOptions(command.command('install').description('write the unit files, and turn the timers on'))
    .option('--json', 'print one JSON object')
    .action(install)
  addPlace(command.command('status').description('say what is installed, and when it runs next'))
    .option('--json', 'print one JSON object')
    .action(status)
  addPlace(command.command('remove').description('turn the timers off, and remove the unit files'))
    .option('--json', 'print one JSON object')
    .action(remove)
}

function addUnitOptions(command: Command): Command {
  return addPlace(command)
    .option('--calendar <times>', 'as OnCalendar= of systemd (*-*-* 03:00:00)')
    .option('--run-as <user>', 'user of a system service (one that systemd makes up)')
    .option('--command <path>', 'the program (this one)')
    .option('--environment-file <file>', 'the settings (/etc/chatwoot-sync/environment)')
    .option('--sync-option <words...>', 'more for sync, such as --sync-option=--account=1')
}

function addPlace(command: Command): Command {
  return command
    .option('--user', 'for this user alone, without root')
    .option('--directory <folder>', 'folder of the unit files; systemd is not told')
}

async function print(flags: ScheduleFlags): Promise<void> {
  const options = installOptionsOf(flags)
  if (flags.cron !== undefined) {
    const { crontabLines } = await import('../schedule/crontab.js')
    const times = flags.cron === true ? undefined : flags.cron
    process.stdout.write(crontabLines({ ...options, times, logDirectory: flags.logDir }))
    return
  }
  const { systemdUnits } = await import('../schedule/systemd-units.js')
  const units = systemdUnits({ ...options, shownDirectory: flags.directory })
  process.stdout.write(units.map(({ content }) => content).join('\n'))
}

async function install(flags: ScheduleFlags): Promise<void> {
  const { installSchedule } = await import('../schedule/install.js')
  const installed = await installSchedule(installOptionsOf(flags))
  const { files, environmentFile, environmentFileIsNew, active } = installed
  const user = flags.user ? ' --user' : ''
  tell(flags, installed, [
    ...files.map((file) => `Wrote ${file}`),
    environmentFileIsNew
      ? `Wrote ${environmentFile}: fill it in before the first run.`
      : `The settings are in ${environmentFile}`,
    ...(active ? [`The timers are on. Try it: systemctl${user} start chatwoot-sync.service`] : []),
    // The systemd of a user ends with the user's last session.
    ...(active && flags.user
      ? ['So that they also run while you are logged out: loginctl enable-linger']
      : []),
  ])
}

async function status(flags: ScheduleFlags): Promise<void> {
  const { readScheduleStatus } = await import('../schedule/install.js')
  const found = await readScheduleStatus(placeOf(flags))
  if (!found.installed) process.exitCode = exitCodes.unhealthy
  const { files, installed, next, last, result } = found
  tell(flags, found, [
    installed ? 'The schedule is installed.' : notInstalled(files.length),
    ...(next === null ? [] : [`Next run: ${next}`]),
    ...(last === null ? [] : [`Last run: ${last}${result === null ? '' : `, ${result}`}`]),
  ])
}

function notInstalled(files: number): string {
  if (files === 0) return 'There is no schedule. chatwoot-sync schedule install makes one.'
  const what = files < 4 ? `not complete, with ${files} of 4 unit files` : 'there, but its timer is off'
  return `The schedule is ${what}. Run chatwoot-sync schedule install again.`
}

async function remove(flags: ScheduleFlags): Promise<void> {
  const { removeSchedule } = await import('../schedule/install.js')
  const files = await removeSchedule(placeOf(flags))
  tell(flags, { removed: files }, [
    ...files.map((file) => `Removed ${file}`),
    files.length === 0 ? 'There was no schedule.' : 'The file with the settings stays.',
  ])
}

function tell({ json }: ScheduleFlags, facts: object, lines: readonly string[]): void {
  const width = textWidth(process.stdout)
  const text = lines.map((line) => `${wrap(line, width - 2, 2)}\n`).join('')
  process.stdout.write(json ? `${JSON.stringify(facts)}\n` : text)
}

function placeOf({ directory, user }: ScheduleFlags): Pick<InstallOptions, 'directory' | 'scope'> {
  return { directory: directory && resolve(directory), scope: user ? 'user' : 'system' }
}

function installOptionsOf(flags: ScheduleFlags): InstallOptions {
  const { calendar, runAs, command, environmentFile, syncOption } = flags
  return {
    ...placeOf(flags),
    ...{ calendar, runAs, extra: syncOption },
    environmentFile: environmentFile && resolve(environmentFile),
    command: command === undefined ? thisProgram() : [resolve(command)],
  }
}

/** With the very Node that runs it now, as a service has hardly a PATH. */
function thisProgram(): string[] {
  const [, script = ''] = process.argv
  return [process.execPath, realpathSync(script)]
}
