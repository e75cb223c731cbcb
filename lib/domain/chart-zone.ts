/**
 * The zones that Rails can come to when it looks for one by an offset, of America, Europe and Africa: by their offset in winter, and by name
 * where two have the same.
 */
const zones = [
  'Pacific/Honolulu',
  'America/Juneau',
  'America/Los_Angeles',
  'America/Phoenix',
  'America/Denver',
  'America/Guatemala',
  'America/Chicago',
  'America/Bogota',
  'America/New_York',
  'America/Halifax',
  'America/Caracas',
  'America/Santiago',
  'America/St_Johns',
  'America/Sao_Paulo',
  'America/Godthab',
  'Atlantic/South_Georgia',
  'Atlantic/Azores',
  'Atlantic/Cape_Verde',
  'Europe/London',
  'Europe/Amsterdam',
  'Europe/Athens',
  'Asia/Baghdad',
] as const

/**
 * The zone of Chatwoot's charts for a reader in a zone: the first one whose offset is that of the browser at this moment, whatever it is in
 * the rest of the year. Undefined for a zone that is not known here.
 */
export function chartZoneOf(zone: string, now: Date): string | undefined {
  const offset = offsetOf(zone, now)
  return offset === undefined ? undefined : zones.find((each) => offsetOf(each, now) === offset)
}

/** Minutes east of UTC. */
function offsetOf(zone: string, now: Date): number | undefined {
  try {
    const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
    const name = format.formatToParts(now).find(({ type }) => type === 'timeZoneName')?.value ?? ''
    const [, sign = '+', hours = '0', minutes = '0'] = /([+-])(\d\d):(\d\d)/.exec(name) ?? []
    return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes))
  } catch {
    return undefined
  }
}
