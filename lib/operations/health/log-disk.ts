import { readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'

import type { HealthCheck } from './health-check.js'
import { shareText } from './quantity-text.js'

/** How full the disk of the log files is. A folder that is not there yet is no fault: the first run makes it. */
export async function checkLogDisk(directory: string): Promise<HealthCheck> {
  const base = { name: 'log-disk', unit: 'share', limit: 0.9, criticalLimit: 0.98 }
  try {
    const [{ blocks, bavail }, bytes] = await Promise.all([statfs(directory), bytesOfLogs(directory)])
    // bavail, as what is kept for root is of no use to a run.
    const value = blocks > 0 ? Math.round((1 - bavail / blocks) * 1000) / 1000 : 0
    const outcome = value > base.criticalLimit ? 'critical' : value > base.limit ? 'warning' : 'ok'
    const message = `The disk of the logs is ${shareText(value, 'en')} full; the logs take ${sizeText(bytes)}.`
    const remedy = outcome === 'ok' ? null : 'Free some space, or keep the logs elsewhere by --log-dir.'
    return { ...base, outcome, value, message, remedy }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    if (error.code === 'ENOENT')
      return { ...base, outcome: 'ok', value: null, message: 'There are no log files yet.', remedy: null }
    return {
      ...base,
      outcome: 'warning',
      value: null,
      message: `The folder of the logs cannot be read: ${String(error.code)}.`,
      remedy: 'Correct the rights on it, or --log-dir.',
    }
  }
}

async function bytesOfLogs(directory: string): Promise<number> {
  const names = (await readdir(directory)).filter((name) => /^etl_\d{8}\.log$/.test(name))
  const sizes = await Promise.all(names.map((name) => sizeOf(join(directory, name))))
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** A file that was just removed, as too old, takes nothing. */
async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  )
}

function sizeText(bytes: number): string {
  return bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} KiB` : `${Math.round(bytes / 1024 / 1024)} MiB`
}
