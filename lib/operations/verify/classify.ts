import type { Baseline } from '../../pipeline/prepare/baseline.js'
import { changedIds, planFeeds, type FeedOptions } from '../../pipeline/read/feeds.js'
import { rowsOf, rowsWhere } from '../../pipeline/read/queries.js'
import { changedSince } from '../../postgres/source/custom-relation.js'
import { listKeys, listTexts, liveRowsOf } from '../../postgres/target/fingerprints.js'
import { comparedColumns } from '../../postgres/target/load-plan.js'
import type { Differences, Sides } from './compare.js'

/**
 * Keys that the next run would read that leaves no feed out, as of the same snapshot: their rows changed since the last run that read them, so
 * they are expected to differ. Without a state to continue from there are none.
 */
export async function pendingKeys(
  sides: Sides,
  baseline: Baseline,
  options: FeedOptions,
): Promise<ReadonlySet<string>> {
  const { low } = baseline.opened.bound
  if (low === undefined) return new Set()
  const { custom, load } = sides.plan
  if (custom) {
    const rows = rowsWhere(sides, changedSince(custom, low))
    return new Set(await listKeys({ session: sides.source, rows }, load))
  }
  if (!baseline.usable?.smallTables) return new Set()
  const feeds = planFeeds(baseline, options, { readsAllFeeds: true, readsAllEdits: false })
  if (!feeds) return new Set()
  // A pipeline with a transform cannot be compared.
  const { ids } = await changedIds(sides, feeds, { hasTransform: false, tables: [], known: [] })
  return new Set(ids)
}

/** The differences without those of some keys. */
export function without(found: Differences, some: ReadonlySet<string>): Differences {
  const rest = (keys: readonly string[]) => keys.filter((key) => !some.has(key))
  return { ...found, missing: rest(found.missing), stale: rest(found.stale), extra: rest(found.extra) }
}

export interface StaleDetail {
  /** In how many rows each column differs. */
  readonly columns: Readonly<Record<string, number>>
  /** Rows whose change stamp is the same on both sides. */
  readonly silent: number
}

const keysPerStatement = 100
const keysInspected = 1000

/** In which columns each of the stale rows differs, by key; of a thousand at most. To be called before a repair. */
export async function inspectStale(
  sides: Sides,
  { stale, stored }: Pick<Differences, 'stale' | 'stored'>,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>()
  const inspected = stale.slice(0, keysInspected)
  for (let from = 0; from < inspected.length; from += keysPerStatement) {
    const keys = inspected.slice(from, from + keysPerStatement)
    for (const [key, differing] of await differingColumns(sides, keys, stored)) found.set(key, differing)
  }
  return found
}

/** Sums up what was inspected; of the rows that were not, the same share is taken to be silent. */
export function summarizeStale(
  { plan }: Sides,
  stale: readonly string[],
  inspected: ReadonlyMap<string, readonly string[]>,
): StaleDetail {
  const { columns, changedAt } = plan.load
  const differing = stale.flatMap((key) => inspected.get(key) ?? [])
  const silent = stale.filter((key) => {
    const names = inspected.get(key)
    return names && changedAt !== undefined && !names.includes(changedAt.column)
  }).length
  const rows = stale.filter((key) => inspected.has(key)).length
  const counts = columns.map(
    ({ name }) => [name, differing.filter((column) => column === name).length] as const,
  )
  return {
    columns: Object.fromEntries(counts.filter(([, count]) => count > 0)),
    silent: rows > 0 ? Math.round((silent * stale.length) / rows) : 0,
  }
}

async function differingColumns(
  sides: Sides,
  keys: readonly string[],
  stored: Differences['stored'],
): Promise<[string, string[]][]> {
  const { load } = sides.plan
  const spelled = (key: string) => stored.get(key) ?? key
  const [here, there] = await Promise.all([
    listTexts({ session: sides.source, rows: rowsOf(sides, keys) }, load),
    listTexts({ session: sides.target, rows: liveRowsOf(load, keys.map(spelled)) }, load),
  ])
  const theirs = new Map(there.map(({ key, texts }) => [key, texts]))
  return here.map(({ key, texts }) => {
    const other = theirs.get(spelled(key))
    const names = comparedColumns(load).flatMap(({ name }) => (texts[name] === other?.[name] ? [] : [name]))
    return [key, names]
  })
}
