/** Part of the keys of a full load that one connection reads at a time; keys are whole numbers as texts. */
export interface KeyRange {
  /** Its keys are greater; null for no bound. */
  readonly after: string | null
  /** Its greatest key; null for no bound, and for rows without a key. */
  readonly to: string | null
  /** The last key up to which its rows are loaded; null before the first. */
  readonly reached: string | null
}

/** Cuts a range at keys within it; what was loaded of it is in the first part. */
export function cutRange({ after, to, reached }: KeyRange, borders: readonly string[]): KeyRange[] {
  const ends = [...borders, to]
  return ends.map((end, index) => ({
    after: borders[index - 1] ?? after,
    to: end,
    reached: index === 0 ? reached : null,
  }))
}

/** So many of the keys, or fewer, with about as many of the others between each two. */
export function pickBorders(keys: readonly string[], count: number): string[] {
  const sorted = [...keys].sort(inOrder)
  const picked = Array.from({ length: count }, (_, index) =>
    sorted.at(Math.floor(((index + 1) * sorted.length) / (count + 1)) - 1),
  )
  return [...new Set(picked.flatMap((key) => key ?? []))]
}

/** The ranges that are not loaded yet, if everything up to a key is. */
export function rangesAfter(ranges: readonly KeyRange[], key: string | null): KeyRange[] {
  return ranges.flatMap((range) => {
    const { after, to } = range
    const isBehind = key !== null && (after === null || inOrder(key, after) > 0)
    const reached = isBehind ? latest(range.reached, key) : range.reached
    const isLoaded = reached !== null && to !== null && inOrder(reached, to) >= 0
    return isLoaded ? [] : [{ ...range, reached }]
  })
}

/** The key before a whole number, unless a type whose least number is `least` cannot hold it. */
export function keyBefore(key: string, least: bigint): string | null {
  const before = BigInt(key) - 1n
  return before < least ? null : String(before)
}

const latest = (one: string | null, other: string) => (one !== null && inOrder(one, other) > 0 ? one : other)

function inOrder(one: string, other: string): number {
  const difference = BigInt(one) - BigInt(other)
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}
