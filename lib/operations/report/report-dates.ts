import { SyncError } from '../../domain/errors.js'

const day = /^\d{4}-\d\d-\d\d$/
const time = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?\s*(Z|[+-]\d\d(:?\d\d)?)?$/i

/** The start of a range: of a day its first moment. Throws CONFIG_INVALID for what is neither a day nor a time. */
export function beginOf(option: string, text: string): string {
  return isDay(option, text) ? `${text} 00:00:00` : text.replaceAll(/(?<=.{19})\s/g, '')
}

/** The end of a range, which is not in it: of a day its last second, as Chatwoot's page sends it. Throws CONFIG_INVALID. */
export function endOf(option: string, text: string): string {
  return isDay(option, text) ? `${text} 23:59:59` : text.replaceAll(/(?<=.{19})\s/g, '')
}

function isDay(option: string, text: string): boolean {
  const date = new Date(`${text.slice(0, 10)}T00:00:00Z`)
  const exists = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text.slice(0, 10))
  if (exists && day.test(text)) return true
  if (exists && time.test(text)) return false
  throw new SyncError('CONFIG_INVALID', `${option} is ${JSON.stringify(text)}.`, {
    remedy: 'Use a day such as 2026-06-01, or a time such as 2026-06-01T09:00 or 2026-06-01T09:00-03:00.',
  })
}
