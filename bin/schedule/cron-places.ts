import { access, constants } from 'node:fs/promises'
import { resolve } from 'node:path'

import { environmentFileOf, type InstallOptions } from './install.js'

export interface CronPlaces {
  readonly environmentFile: string
  readonly logDirectory: string
  /** Whether the settings file is there. */
  readonly exists: boolean
}

const usualLogs = '/var/log/chatwoot-sync'

/**
 * Where the lines for cron of this user find their settings and write their logs: the usual places where this user can use them, else those
 * of the working folder with its `.env`, as in a clone.
 */
export async function cronPlaces({ scope }: Pick<InstallOptions, 'scope'>): Promise<CronPlaces> {
  const usual = environmentFileOf({ scope })
  const isRoot = process.getuid?.() === 0
  const mayLog = scope !== 'user' && (isRoot || (await can(usualLogs, constants.W_OK)))
  const logDirectory = mayLog ? usualLogs : resolve('logs/etl')
  if (await can(usual, constants.R_OK)) return { environmentFile: usual, logDirectory, exists: true }
  const own = resolve('.env')
  return (await can(own, constants.R_OK))
    ? { environmentFile: own, logDirectory: resolve('logs/etl'), exists: true }
    : { environmentFile: usual, logDirectory: usualLogs, exists: false }
}

async function can(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  )
}
