import { InvalidArgumentError } from 'commander'

/** A parser of whole numbers, not below `least`. Like all here it throws commander's error, which names the option. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = /^[+-]?\d+$/.test(text) ? Number(text) : NaN
    if (Number.isSafeInteger(value) && value >= least) return value
    throw new InvalidArgumentError(`Use a whole number of ${least} or more.`)
  }
}

/** Parses ids and adds them to the earlier ones: `--account 1 2`, `--account 1,2`, or the option twice. */
export function ids(text: string, earlier: readonly number[] = []): readonly number[] {
  return [...earlier, ...text.split(',').map(wholeNumber(1))]
}

/** Parses a share from 0 to 1, or from 0% to 100%. */
export function share(text: string): number {
  const [, digits, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? []
  const value = digits === undefined ? NaN : Number(digits) / (percent ? 100 : 1)
  if (value <= 1) return value
  throw new InvalidArgumentError('Use a share such as 0.2 or 20%.')
}

/** Parses a share above 0. */
export function shareAboveZero(text: string): number {
  const value = share(text)
  if (value > 0) return value
  throw new InvalidArgumentError('Use a share above 0, such as 0.05 or 5%.')
}

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** Parses a duration with its unit, such as 500ms, 60s, 2m, 1h or 1d; returns milliseconds. */
export function duration(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? []
  if (isUnit(unit)) return Number(digits) * units[unit]
  throw new InvalidArgumentError('Use a duration such as 500ms, 60s, 2m, 1h or 1d.')
}

const isUnit = (unit: string | undefined): unit is keyof typeof units => unit !== undefined && unit in units
