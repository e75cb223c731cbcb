/** The languages of what people read. */
export type Language = 'en' | 'pt-BR'

/** A count with the separators of the language: 20,000 or 20.000. Without Intl, which takes longer to load than a run without changes. */
export function countText(value: number, language: Language = 'en'): string {
  const separator = language === 'en' ? ',' : '.'
  return String(Math.round(value)).replaceAll(/\B(?=(?:\d{3})+$)/g, separator)
}

/** A duration in the one or two units that matter: 0.42 s, 12 s, 3 min 20 s, 1 h 5 min, 3 d 2 h. */
export function durationText(seconds: number, language: Language = 'en'): string {
  // Two clocks that differ a little make an age negative.
  if (seconds < 10) return `${decimals(Math.max(seconds, 0), 2, language)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return pair(whole, 60, 'min', 's')
  if (whole < 172_800) return pair(Math.floor(whole / 60), 60, 'h', 'min')
  return pair(Math.floor(whole / 3600), 24, 'd', 'h')
}

/** A share as a percentage: 63%. */
export function shareText(share: number, language: Language = 'en'): string {
  return `${decimals(share * 100, share < 0.1 ? 1 : 0, language)}%`
}

function pair(value: number, size: number, large: string, small: string): string {
  const rest = value % size
  return `${Math.floor(value / size)} ${large}${rest === 0 ? '' : ` ${rest} ${small}`}`
}

function decimals(value: number, digits: number, language: Language): string {
  const text = value.toFixed(digits)
  const short = text.includes('.') ? text.replace(/\.?0+$/, '') : text
  return language === 'en' ? short : short.replace('.', ',')
}

/** A part of a duration: a number and its unit. */
export interface Span {
  readonly count: number
  readonly unit: 'd' | 'h' | 'm' | 's'
}

const units = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
] as const

/** The days, hours, minutes and seconds of a duration, whole and without those that are 0. */
export function spansOf(seconds: number): readonly Span[] {
  let rest = Math.floor(Math.abs(seconds))
  return units.flatMap(([unit, size]) => {
    const count = Math.floor(rest / size)
    rest -= count * size
    return count === 0 ? [] : [{ count, unit }]
  })
}

const words = { d: 'Day', h: 'Hr', m: 'Min', s: 'Sec' } as const

/** A duration as Chatwoot's page writes it: `1 Hr 5 Min`, the two largest units without rounding up; a dash for none. */
export function pageDuration(seconds: number | null): string {
  if (seconds === null) return '-'
  const [first, second] = spansOf(seconds)
  if (!first) return '0 Sec'
  const isNext = second !== undefined && 'dhms'.indexOf(second.unit) === 'dhms'.indexOf(first.unit) + 1
  const sign = seconds < 0 ? '-' : ''
  return [first, ...(isNext ? [second] : [])].reduce(
    (text, { count, unit }) => `${text}${text === sign ? '' : ' '}${count} ${words[unit]}`,
    sign,
  )
}
