import { language } from './words.js'

/** Numbers and dates are the reader's own; words for durations go with the words around them. */
const reader = navigator.language
const words = language === 'pt' ? 'pt-BR' : 'en'

const whole = new Intl.NumberFormat(reader)
const short = new Intl.NumberFormat(reader, { notation: 'compact', maximumFractionDigits: 1 })
const share = new Intl.NumberFormat(reader, { style: 'percent', maximumFractionDigits: 1 })
const relative = new Intl.RelativeTimeFormat(words, { numeric: 'auto' })
const clock = new Intl.DateTimeFormat(reader, { hour: '2-digit', minute: '2-digit' })
const day = new Intl.DateTimeFormat(reader, { day: 'numeric', month: 'short' })
const exact = new Intl.DateTimeFormat(reader, { dateStyle: 'medium', timeStyle: 'medium' })

export const count = (value) => whole.format(value)
export const shortCount = (value) => short.format(value)
export const percent = (value) => share.format(value)

/** Milliseconds of a time as the control table writes it: with offset, or of the source, in UTC without one. */
export function toMillis(text) {
  const iso = text.replace(' ', 'T').replace(/(\.\d{3})\d*/, '$1')
  return Date.parse(/([+-]\d\d|Z)$/.test(iso) ? iso.replace(/([+-]\d\d)$/, '$1:00') : `${iso}Z`)
}

/** 0.42 s, 12 s, 3 min, 1.1 h, in the reader's own figures. */
export function duration(seconds) {
  const [value, unit, digits] =
    seconds < 10
      ? [seconds, 'second', 2]
      : seconds < 90
        ? [seconds, 'second', 0]
        : seconds < 5400
          ? [seconds / 60, 'minute', 0]
          : seconds < 172800
            ? [seconds / 3600, 'hour', 1]
            : [seconds / 86400, 'day', 0]
  return unitOf(value, unit, digits)
}

const unitOf = (value, unit, maximumFractionDigits) =>
  new Intl.NumberFormat(reader, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits }).format(
    value,
  )

const steps = [
  ['day', 86400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
]

/** `3 minutes ago`, `in 4 hours`. */
export function fromNow(millis) {
  const seconds = (millis - Date.now()) / 1000
  const [unit, size] = steps.find(([, size]) => Math.abs(seconds) >= size * 1.5) ?? ['second', 1]
  return relative.format(Math.round(seconds / size), unit)
}

/** The time of day, with the day unless it is today. */
export function when(millis) {
  const date = new Date(millis)
  const isToday = date.toDateString() === new Date().toDateString()
  return isToday ? clock.format(date) : `${day.format(date)}, ${clock.format(date)}`
}

export const exactly = (millis) => exact.format(new Date(millis))

/** The value of a check with its unit. */
export function quantity(value, unit) {
  if (value === null) return '–'
  if (unit === 'seconds') return duration(value)
  if (unit === 'milliseconds') return unitOf(value, 'millisecond', 0)
  return unit === 'share' ? percent(value) : count(value)
}
