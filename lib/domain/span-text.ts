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
