import type { RawBuilder } from 'kysely'

import { hasKey, rowsWhere, type QueryScope } from '../../pipeline/read/queries.js'
import { addApart } from '../../pipeline/write/add-apart.js'
import { throwIfAborted } from '../../domain/abort.js'
import {
  andNot,
  hasLiveKey,
  listFingerprints,
  type Fingerprint,
  listKeys,
  liveRows,
  rangeBorders,
  sumFingerprints,
  type Sums,
} from '../../postgres/target/fingerprints.js'
import type { Session } from '../../postgres/driver/session.js'
import { pagesOf, rowsPerRange, type Page } from '../../postgres/target/key-ranges.js'
import {
  canCollapse,
  castKeys,
  findSpellings,
  isCountable,
  isLooseKey,
  type LoadPlan,
} from '../../postgres/target/load-plan.js'

/** Both sides, each in a transaction in which texts have the same form. */
export interface Sides extends QueryScope {
  readonly source: Session
  readonly target: Session
}

/** Keys of the rows that are not the same on both sides. */
export interface Differences {
  readonly missing: readonly string[]
  readonly stale: readonly string[]
  readonly extra: readonly string[]
  /** How the target spells keys among the stale ones that it spells another way. */
  readonly stored: ReadonlyMap<string, string>
  /** Those of the missing ones that are one key to the target with another one of the source. */
  readonly collapsed: ReadonlySet<string>
  readonly rowsCompared: number
}

export interface CompareOptions {
  readonly sample: number
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((rowsCompared: number) => void) | undefined
  /** Keys of rows that are not compared, as the source could not even cast their values to the types of the target; they count as missing. */
  readonly except: readonly string[]
}

/**
 * Compares by sums of fingerprints over ranges of keys, which both servers compute at the same time, and lists rows only where the
 * sums differ. Equal tables cost a few bytes for each two thousand rows.
 */
export async function compareRows(
  whole: Sides,
  { sample, signal, onProgress, except }: CompareOptions,
): Promise<Differences> {
  const apart = await keysAmong(whole, except)
  const sides = { ...whole, except: apart }
  const { load } = sides.plan
  // Two spellings of one key fall into different groups: a part would show one of them alone.
  const share = isLooseKey(load) ? 1 : sample
  const borders = isCountable(load) ? await rangeBorders(sides.target, load, rowsPerRange) : []
  const pages = pagesOf(load, borders, share)
  let rowsCompared = 0
  const sumPages = async (
    session: Session,
    rowsOfPage: (page: Page) => RawBuilder<unknown>,
    emits: boolean,
  ) => {
    const sums: Sums[] = []
    for (const page of pages) {
      throwIfAborted(signal)
      const found = await sumFingerprints({ session, rows: rowsOfPage(page) }, load, page.group)
      sums.push(found)
      if (!emits) continue
      for (const sum of found.values()) rowsCompared += Number(sum.split(':')[0])
      onProgress?.(rowsCompared)
    }
    return sums
  }
  // Each side at its own pace: waiting for the other at every page would add up the slower one of each.
  const [here, there] = await both(
    sumPages(sides.source, ({ condition }) => sourceRows(sides, condition), true),
    sumPages(sides.target, ({ condition }) => targetRows(sides, condition), false),
  )
  const found: Found = {
    missing: [...apart],
    ...{ stale: [], extra: [], stored: new Map(), collapsed: new Set() },
  }
  rowsCompared += apart.length
  for (const [index, page] of pages.entries()) {
    const [ours, theirs] = [here[index] ?? none, there[index] ?? none]
    for (const group of new Set([...ours.keys(), ...theirs.keys()])) {
      throwIfAborted(signal)
      if (ours.get(group) !== theirs.get(group)) await compareGroup(sides, page.ofGroup(group), found)
    }
  }
  if (canCollapse(load) && apart.length > 0 && found.extra.length > 0) {
    const older = await keysInTarget(sides.target, load, apart)
    found.extra = found.extra.filter((key) => !older.has(key))
  }
  found.missing.push(...found.collapsed)
  await pairSpellings(sides, found)
  const inOrder = isCountable(load) ? (a: string, b: string) => Number(a) - Number(b) : undefined
  for (const keys of [found.missing, found.stale, found.extra]) keys.sort(inOrder)
  return { ...found, rowsCompared }
}

const none: Sums = new Map()

interface Found {
  missing: string[]
  readonly stale: string[]
  extra: string[]
  readonly stored: Map<string, string>
  readonly collapsed: Set<string>
}

/** A key that is missing in one spelling and too many in another is one row, whose key is stale. */
async function pairSpellings({ target, plan }: Sides, found: Found): Promise<void> {
  if (!isLooseKey(plan.load) || found.missing.length === 0 || found.extra.length === 0) return
  const pairs = await findSpellings(target, plan.load, found.missing, found.extra)
  const here = new Set(pairs.map(({ key }) => key))
  const there = new Set(pairs.map(({ stored }) => stored))
  for (const { key, stored } of pairs) found.stored.set(key, stored)
  found.stale.push(...here)
  found.missing = found.missing.filter((key) => !here.has(key))
  found.extra = found.extra.filter((key) => !there.has(key))
}

type Compared = Sides & Pick<CompareOptions, 'except'>

const sourceRows = (sides: Compared, condition: RawBuilder<unknown>) =>
  rowsWhere(
    sides,
    andNot(condition, sides.except, () => hasKey(sides, sides.except)),
  )

/** What a key of the source is in the target may be the key of another row as well: then what is too many shows at the end. */
const targetRows = ({ plan: { load }, except }: Compared, condition: RawBuilder<unknown>) =>
  liveRows(load, canCollapse(load) ? condition : andNot(condition, except, () => hasLiveKey(load, except)))

async function keysAmong(sides: Sides, keys: readonly string[]): Promise<string[]> {
  if (keys.length === 0) return []
  return listKeys({ session: sides.source, rows: rowsWhere(sides, hasKey(sides, keys)) }, sides.plan.load)
}

async function compareGroup(sides: Compared, condition: RawBuilder<unknown>, found: Found): Promise<void> {
  const { load } = sides.plan
  const [ours, theirs] = await both(
    listFingerprints({ session: sides.source, rows: sourceRows(sides, condition) }, load),
    listFingerprints({ session: sides.target, rows: targetRows(sides, condition) }, load),
  )
  for (const [name, rows] of ours) {
    const other = theirs.get(name)?.[0]
    const { key, fingerprint } = firstOf(rows, other)
    for (const row of rows) if (row.key !== key) found.collapsed.add(row.key)
    if (!other) found.missing.push(key)
    else if (other.fingerprint !== fingerprint) {
      found.stale.push(key)
      if (other.key !== key) found.stored.set(key, other.key)
    }
  }
  for (const [name, [row]] of theirs) if (row && !ours.has(name)) found.extra.push(row.key)
}

/** Of rows whose keys are one key to the target, the one that a run loads: that is spelled as there, else the smallest. */
function firstOf(rows: readonly Fingerprint[], other: Fingerprint | undefined): Fingerprint {
  const isBefore = (one: Fingerprint, two: Fingerprint) => Buffer.compare(bytes(one), bytes(two)) < 0
  return (
    rows.find(({ key }) => key === other?.key) ?? rows.reduce((one, two) => (isBefore(two, one) ? two : one))
  )
}

const bytes = ({ key }: Fingerprint) => Buffer.from(key)

/** The keys in the target of older versions of rejected rows; a key that the column cannot hold has none. */
async function keysInTarget(target: Session, plan: LoadPlan, keys: readonly string[]): Promise<Set<string>> {
  const found = new Set<string>()
  await addApart(target, plan, keys, async (session, load, some) => {
    for (const key of await castKeys(session, load, some)) found.add(key)
  })
  return found
}

/** The first failure waits for the other side, which would otherwise continue unobserved. */
async function both<T>(source: Promise<T>, target: Promise<T>): Promise<[T, T]> {
  await Promise.allSettled([source, target])
  return [await source, await target]
}
