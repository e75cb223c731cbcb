import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

import { SyncError } from '../../lib/domain/errors.js'
import type { SettingsFile } from '../flags/settings-file.js'
import { requireEnvironmentFile } from './environment-file.js'
import { requireReachable } from './reachable-program.js'
import { checkCalendar, systemctl, type Scope } from './systemctl.js'
import { systemdUnits, unitNames, type ScheduleOptions } from './systemd-units.js'

export interface InstallOptions extends ScheduleOptions {
  /** Folder of the unit files. (Default: where systemd looks. With another one the files are only written, and systemd is not called.) */
  readonly directory?: string | undefined
  /** Settings for an environment file that has none yet. (Default: none; it is written empty.) */
  readonly settings?: Pick<SettingsFile, 'path' | 'values'> | undefined
}

type Place = Pick<InstallOptions, 'directory' | 'scope'>

export interface Installed {
  readonly files: readonly string[]
  readonly environmentFile: string
  /** It was just written. */
  readonly environmentFileIsNew: boolean
  /** The file whose settings were copied into it; null where none were. */
  readonly environmentFileFrom: string | null
  /** Why no run can work with these settings, so that no timer was enabled; null where one can. */
  readonly settingsProblem: string | null
  /** Whether systemd has enabled the timers. */
  readonly active: boolean
}

/**
 * Writes the unit files and enables their timers, unless the settings lack what every run needs; call it again to change options. Throws
 * CONFIG_INVALID with what prevents it.
 */
export async function installSchedule(options: InstallOptions): Promise<Installed> {
  const { scope = 'system', directory } = options
  const environmentFile = environmentFileOf(options)
  const units = systemdUnits({
    ...options,
    ...(directory === undefined ? {} : { shownDirectory: directory }),
  })
  if (options.calendar !== undefined) await checkCalendar(options.calendar)
  if (scope === 'system' && options.runAs === undefined) await requireReachable(options.command)
  const { isNew, copiedFrom, problem } = await requireEnvironmentFile(environmentFile, options.settings)
  const folder = folderOf(options)
  const files = units.map(({ name }) => join(folder, name))
  try {
    await mkdir(folder, { recursive: true })
    for (const { name, content } of units) await writeFile(join(folder, name), content, { mode: 0o644 })
  } catch (error) {
    throw unwritable(folder, error)
  }
  const active = directory === undefined && problem === null
  if (directory === undefined) await systemctl(scope, ['daemon-reload'])
  if (active) await systemctl(scope, ['enable', '--now', ...timers])
  const found = { environmentFileIsNew: isNew, environmentFileFrom: copiedFrom, settingsProblem: problem }
  return { files, environmentFile, ...found, active }
}

/** Disables the timers and removes the unit files, but not the settings file. Returns the removed files. Throws CONFIG_INVALID. */
export async function removeSchedule(place: Place): Promise<readonly string[]> {
  const { scope = 'system', directory } = place
  const files = await existing(place)
  if (files.length === 0) return []
  if (directory === undefined) await systemctl(scope, ['disable', '--now', ...timers])
  try {
    for (const file of files) await rm(file)
  } catch (error) {
    throw unwritable(folderOf(place), error)
  }
  if (directory === undefined) await systemctl(scope, ['daemon-reload'])
  return files
}

export interface ScheduleStatus {
  /** The unit files that exist, of four. */
  readonly files: readonly string[]
  /** All exist and, unless a folder was named, systemd has the timer of the runs active. */
  readonly installed: boolean
  /** As systemd prints it; null where it was not called or does not know. */
  readonly next: string | null
  readonly last: string | null
  readonly result: string | null
}

/** What is installed, and when it runs next. Throws CONFIG_INVALID when systemctl fails. */
export async function readScheduleStatus(place: Place): Promise<ScheduleStatus> {
  const { scope = 'system', directory } = place
  const files = await existing(place)
  const isComplete = files.length === unitNames.length * 2
  const nothing = { files, installed: isComplete, next: null, last: null, result: null }
  if (directory !== undefined || files.length === 0) return nothing
  const timer = await propertiesOf(scope, 'chatwoot-sync.timer')
  const service = await propertiesOf(scope, 'chatwoot-sync.service')
  return {
    files,
    installed: isComplete && timer['ActiveState'] === 'active',
    next: timer['NextElapseUSecRealtime'] || null,
    last: timer['LastTriggerUSec'] || null,
    result: service['Result'] || null,
  }
}

const timers = unitNames.map((name) => `${name}.timer`)

async function propertiesOf(scope: Scope, unit: string): Promise<Readonly<Record<string, string>>> {
  const names = 'ActiveState,NextElapseUSecRealtime,LastTriggerUSec,Result'
  const text = await systemctl(scope, ['show', unit, `--property=${names}`])
  const lines = text.trim().split('\n')
  return Object.fromEntries(
    lines.map((line): [string, string] => [
      line.slice(0, line.indexOf('=')),
      line.slice(line.indexOf('=') + 1),
    ]),
  )
}

async function existing(place: Place): Promise<readonly string[]> {
  const names = unitNames.flatMap((name) => [`${name}.service`, `${name}.timer`])
  const paths = names.map((name) => join(folderOf(place), name))
  const found = await Promise.all(paths.map((path) => readFile(path).then(Boolean, () => false)))
  return paths.filter((_, index) => found[index])
}

function folderOf({ directory, scope }: Place): string {
  if (directory !== undefined) return directory
  return scope === 'user' ? join(homedir(), '.config/systemd/user') : '/etc/systemd/system'
}

/** Where the settings of the service are. */
export function environmentFileOf({
  environmentFile,
  scope,
}: Pick<InstallOptions, 'environmentFile' | 'scope'>): string {
  if (environmentFile !== undefined) return environmentFile
  return scope === 'user'
    ? join(homedir(), '.config/chatwoot-sync/environment')
    : '/etc/chatwoot-sync/environment'
}

function unwritable(folder: string, error: unknown): SyncError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'an error'
  return new SyncError('CONFIG_INVALID', `The folder ${folder} cannot be written: ${code}.`, {
    remedy: 'Run it as root, or use --user.',
    cause: error,
  })
}
