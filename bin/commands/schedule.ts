import { realpathSync } from 'node:fs'
import { resolve } from 'node:path'

import type { Command } from 'commander'

import { readSettingsFile } from '../flags/settings-file.js'
import { printError } from '../output/error-output.js'
import { printReport } from '../output/print-report.js'
import { wrap } from '../output/wrap.js'
import { exitCodes } from '../process/exit-code.js'
import type { Installed, InstallOptions } from '../schedule/install.js'

interface ScheduleFlags {
  readonly calendar?: string
  readonly cron?: string | true
  readonly user?: true
  readonly runAs?: string
  readonly command?: string
  readonly environmentFile?: string
  readonly env?: string
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

It syncs each day at 03:00, catches up on a missed run and
retries a failed one. A health check runs every hour and
sends alerts to the channels in ALERT_*. The settings are in
a file that only its owner can read.`

/** Registers `schedule print`, `install`, `status` and `remove`. */
export function register(command: Command): void {
  command.helpCommand(false).addHelpText('after', examples)
  addUnitOptions(command.command('print').description('print what would be installed'))
    .option('--cron [times]', 'print crontab lines instead (0 3 * * *)')
    .option('--log-dir <folder>', 'with --cron: folder for log files')
    .action(printSchedule)
  addUnitOptions(command.command('install').description('write the unit files, and enable the timers'))
    .option('--env <file>', 'settings to copy if the settings file has none (.env)')
    .option('--json', 'print one JSON object')
    .action(install)
  addPlaceOptions(command.command('status').description('show what is installed, and when it runs next'))
    .option('--json', 'print one JSON object')
    .action(status)
  addPlaceOptions(command.command('remove').description('disable the timers, and remove the unit files'))
    .option('--json', 'print one JSON object')
    .action(remove)
}

function addUnitOptions(command: Command): Command {
  return addPlaceOptions(command)
    .option('--calendar <times>', 'as in OnCalendar= (*-*-* 03:00:00)')
    .option('--run-as <user>', 'user of the system service (a dynamic user)')
    .option('--command <path>', 'path of the program (this one)')
    .option('--environment-file <file>', 'settings file (/etc/chatwoot-sync/environment)')
    .option('--sync-option <words...>', 'extra options of sync: --sync-option=--account=1')
}

function addPlaceOptions(command: Command): Command {
  return command
    .option('--user', 'for the current user only, without root')
    .option('--directory <folder>', 'folder of the unit files; does not call systemd')
}

async function printSchedule(flags: ScheduleFlags): Promise<void> {
  const options = installOptionsOf(flags)
  if (flags.cron !== undefined) {
    const { crontabLines } = await import('../schedule/crontab.js')
    const times = flags.cron === true ? undefined : flags.cron
    process.stdout.write(crontabLines({ ...options, times, ...(await cronPlacesOf(flags, options)) }))
    return
  }
  const { systemdUnits } = await import('../schedule/systemd-units.js')
  const units = systemdUnits({ ...options, shownDirectory: flags.directory })
  process.stdout.write(units.map(({ content }) => content).join('\n'))
}

/** With a program that is named the lines are for another machine, of whose files nothing is known. */
async function cronPlacesOf({ command, logDir }: ScheduleFlags, options: InstallOptions) {
  const logDirectory = logDir && resolve(logDir)
  if (command !== undefined || options.environmentFile !== undefined) return { logDirectory }
  const { cronPlaces } = await import('../schedule/cron-places.js')
  const places = await cronPlaces(options)
  if (!places.exists)
    printError(
      `there is no ${places.environmentFile}. Write the settings there, or run this in the folder with .env.`,
    )
  return { environmentFile: places.environmentFile, logDirectory: logDirectory ?? places.logDirectory }
}

async function install(flags: ScheduleFlags): Promise<void> {
  const { installSchedule } = await import('../schedule/install.js')
  const settings = readSettingsFile(flags.env)
  const installed = await installSchedule({ ...installOptionsOf(flags), settings })
  const { files, active, settingsProblem } = installed
  const user = flags.user ? ' --user' : ''
  const isLeft = settingsProblem !== null && flags.directory === undefined
  if (isLeft) process.exitCode = exitCodes.misused
  print(flags, installed, [
    ...files.map((file) => `Wrote ${file}`),
    aboutSettings(installed),
    ...(isLeft
      ? [
          `No timer was enabled. ${settingsProblem} Fill in ${installed.environmentFile}, then run this command again.`,
        ]
      : []),
    ...(active ? [`The timers are enabled. Try it: systemctl${user} start chatwoot-sync.service`] : []),
    // A user's systemd ends with the user's last session.
    ...(active && flags.user ? ['To run them while you are logged out, too: loginctl enable-linger'] : []),
  ])
}

function aboutSettings({
  environmentFile,
  environmentFileIsNew: isNew,
  environmentFileFrom,
}: Installed): string {
  if (environmentFileFrom !== null)
    return `Wrote ${environmentFile} with the settings of ${environmentFileFrom}; the timers read only the former.`
  return isNew
    ? `Wrote ${environmentFile}: fill it in before the first run.`
    : `The settings are in ${environmentFile}`
}

async function status(flags: ScheduleFlags): Promise<void> {
  const { readScheduleStatus } = await import('../schedule/install.js')
  const found = await readScheduleStatus(placeOf(flags))
  if (!found.installed) process.exitCode = exitCodes.unhealthy
  const { files, installed, next, last, result } = found
  print(flags, found, [
    installed ? 'The schedule is installed.' : notInstalled(files.length),
    ...(next === null ? [] : [`Next run: ${next}`]),
    ...(last === null ? [] : [`Last run: ${last}${result === null ? '' : `, ${result}`}`]),
  ])
}

function notInstalled(files: number): string {
  if (files === 0) return 'No schedule is installed. Run chatwoot-sync schedule install.'
  const what =
    files < 4 ? `incomplete: ${files} of 4 unit files exist` : 'installed, but its timer is not active'
  return `The schedule is ${what}. Run chatwoot-sync schedule install again.`
}

async function remove(flags: ScheduleFlags): Promise<void> {
  const { removeSchedule } = await import('../schedule/install.js')
  const files = await removeSchedule(placeOf(flags))
  print(flags, { removed: files }, [
    ...files.map((file) => `Removed ${file}`),
    files.length === 0 ? 'No schedule was installed.' : 'The settings file was kept.',
  ])
}

function print(flags: Pick<ScheduleFlags, 'json'>, facts: object, lines: readonly string[]): void {
  printReport(facts, flags, (_, width) => lines.map((line) => `${wrap(line, width - 2, 2)}\n`).join(''))
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

/** With the path of the current Node, because the PATH of a service is short. */
function thisProgram(): string[] {
  const [, script = ''] = process.argv
  return [process.execPath, realpathSync(script)]
}
