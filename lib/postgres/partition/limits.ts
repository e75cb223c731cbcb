/**
 * Milliseconds for which a live table is locked at most, waiting included: whoever comes later waits behind one that waits. Nobody notices a
 * query that takes so much longer.
 */
export const longestLock = 100

const lockTimeout = `set local lock_timeout = '${longestLock}ms'`

/** Begins a transaction that waits for each lock no longer than that. */
export const beginBriefly: readonly string[] = [
  'begin isolation level read committed read write, not deferrable',
  lockTimeout,
]

/**
 * Begins one with one snapshot for all of its statements. It waits for locks: it reads the live table, and nobody waits behind that, and what it locks
 * more is the copy, in which autovacuum may be.
 */
export const beginCopying: readonly string[] = [
  'begin isolation level repeatable read read write, not deferrable',
]

/** Begins a transaction that only the copy has to wait for. */
export const beginBuilding: readonly string[] = [
  'begin isolation level read committed read write, not deferrable',
]

/**
 * The same for a transaction of which each statement ends within that time, whatever it waits for. Its commit does not wait for the disk, as the
 * locks are held until it is over; the next commit waits for both.
 */
export const beginSwapping: readonly string[] = [
  ...beginBriefly,
  `set local statement_timeout = '${longestLock}ms'`,
  'set local synchronous_commit = off',
]
