/** Chance that falls alike for the same seed, so that a seed determines which transactions are tried; only their timing differs. */
export interface Dice {
  chance(share: number): boolean
  /** An integer from `from` to `to`, both included. */
  between(from: number, to: number): number
  pick<T>(all: readonly [T, ...T[]]): T
}

export function rollDice(...seeds: readonly number[]): Dice {
  const next = mulberry32(seeds.reduce((mixed, seed) => Math.imul(mixed ^ seed, 0x9e3779b1) + 0x7f4a7c15, 1))
  const between = (from: number, to: number) => from + Math.floor(next() * (to - from + 1))
  return {
    chance: (share) => next() < share,
    between,
    pick: (all) => all[between(0, all.length - 1)] ?? all[0],
  }
}

/** By Tommy Ettinger: small, fast, and good enough to choose by. */
function mulberry32(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
