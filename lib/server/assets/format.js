import { language } from './words.js'

/** Numbers and dates follow the reader's locale; relative times are in the language of the page. */
const reader = navigator.language
const words = language === 'pt' ? 'pt-BR' : 'en'

const whole = new Intl.NumberFormat(reader)
const short = new Intl.NumberFormat(reader, { notation: 'compact', maximumFractionDigits: 1 })
const share = new Intl.NumberFormat(reader, { style: 'percent', maximumFractionDigits: 1 })
const relative = new Intl.RelativeTimeFormat(words, { numeric: 'auto' })
const { hourCycle } = new Intl.DateTimeFormat(reader, { hour: 'numeric' }).resolvedOptions()
/** 00:38, or 12:38 AM: a clock of 24 hours has two digits for the hour. */
const hour = hourCycle === 'h23' ? '2-digit' : 'numeric'
const clock = new Intl.DateTimeFormat(reader, { hour, minute: '2-digit' })
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

/** Upper limit in seconds, symbol of the unit, its size in seconds, and digits after the decimal point. */
const scales = [
  [10, 's', 1, 2],
  [90, 's', 1, 0],
  [5400, 'min', 60, 0],
  [172800, 'h', 3600, 1],
  [Infinity, 'd', 86400, 0],
]

/** 0.42 s, 1.50 s, 12 s, 3 min, 1.1 h, in the reader's locale; their decimal points line up in a column. */
export const duration = (seconds) => durationOf(seconds, (digits) => digits)

/** The same for an axis, without zeros after the decimal point. */
export const shortDuration = (seconds) => (seconds === 0 ? '0' : durationOf(seconds, () => 0))

function durationOf(seconds, leastDigits) {
  const [, symbol, size, digits] = scales.find(([limit]) => seconds < limit)
  const figures = { minimumFractionDigits: leastDigits(digits), maximumFractionDigits: digits }
  return `${new Intl.NumberFormat(reader, figures).format(seconds / size)}\u00a0${symbol}`
}

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

/** Marks on an axis of times: the time of day, or the day where a new one begins. */
export function timeMarks(times) {
  let last = new Date().toDateString()
  return times.map((millis) => {
    const date = new Date(millis)
    const isSameDay = date.toDateString() === last
    last = date.toDateString()
    return isSameDay ? clock.format(date) : day.format(date)
  })
}

export const exactly = (millis) => exact.format(new Date(millis))
