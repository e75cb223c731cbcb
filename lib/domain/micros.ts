/**
 * A point in time as integer microseconds since 1970 in UTC, the resolution of PostgreSQL. As a number it is exact up to the year 2255.
 * A Date would lose three digits, so no time that is compared or stored passes through one.
 */
export type Micros = number

/** `1764021845123456` as `2025-11-24 22:04:05.123456`: what PostgreSQL reads as a timestamp, whatever its session settings. */
export function formatMicros(at: Micros): string {
  const millis = Math.floor(at / 1000)
  const iso = new Date(millis).toISOString().replace('T', ' ').replace('Z', '')
  return `${iso}${String(at - millis * 1000).padStart(3, '0')}`
}
