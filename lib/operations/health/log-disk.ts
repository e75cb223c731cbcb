import { readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'

import type { HealthCheck, Language } from './health-check.js'
import { shareText } from '../../domain/quantity-text.js'

/** How full the disk of the log files is. A folder that does not exist is ok: the first run creates it. */
export async function checkLogDisk(directory: string, language: Language): Promise<HealthCheck> {
  const words = language === 'en' ? english : portuguese
  const base = { name: 'log-disk', unit: 'share', limit: 0.9, criticalLimit: 0.98 }
  try {
    const [{ blocks, bavail }, bytes] = await Promise.all([statfs(directory), bytesOfLogs(directory)])
    // bavail, as no run can use what is reserved for root.
    const value = blocks > 0 ? Math.round((1 - bavail / blocks) * 1000) / 1000 : 0
    const outcome = value > base.criticalLimit ? 'critical' : value > base.limit ? 'warning' : 'ok'
    const message = words.full(shareText(value, language), sizeText(bytes))
    const remedy = outcome === 'ok' ? null : words.free
    return { ...base, outcome, value, message, remedy }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    if (error.code === 'ENOENT')
      return { ...base, outcome: 'ok', value: null, message: words.none, remedy: null }
    return {
      ...base,
      outcome: 'warning',
      value: null,
      message: words.unreadable(String(error.code)),
      remedy: words.correct,
    }
  }
}

const english = {
  full: (share: string, size: string) => `The disk of the log files is ${share} full; they take ${size}.`,
  free: 'Free some space, or move the log files to another disk with --log-dir.',
  none: 'There are no log files yet.',
  unreadable: (code: string) => `The folder of the log files cannot be read: ${code}.`,
  correct: 'Correct its permissions, or --log-dir.',
}

const portuguese: typeof english = {
  full: (share, size) => `O disco dos logs está ${share} cheio; os logs ocupam ${size}.`,
  free: 'Libere espaço, ou guarde os logs em outro disco com --log-dir.',
  none: 'Ainda não há arquivos de log.',
  unreadable: (code) => `Não é possível ler a pasta dos logs: ${code}.`,
  correct: 'Corrija as permissões da pasta, ou --log-dir.',
}

async function bytesOfLogs(directory: string): Promise<number> {
  const names = (await readdir(directory)).filter((name) => /^etl_\d{8}\.log$/.test(name))
  const sizes = await Promise.all(names.map((name) => sizeOf(join(directory, name))))
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** A file that was removed meanwhile takes nothing. */
async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  )
}

function sizeText(bytes: number): string {
  return bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} KiB` : `${Math.round(bytes / 1024 / 1024)} MiB`
}
