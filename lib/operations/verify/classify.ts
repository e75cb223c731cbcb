import { changedConversations } from '../../chatwoot/feeds.js'
import type { Micros } from '../../domain/micros.js'
import type { Baseline } from '../../pipeline/prepare/baseline.js'
import { planEdits } from '../../pipeline/prepare/edits.js'
import { rowsOf, rowsWhere } from '../../pipeline/read/queries.js'
import type { ResolvedOptions } from '../../options.js'
import { changedSince } from '../../postgres/source/custom-relation.js'
import { listFingerprints, listTexts } from '../../postgres/target/fingerprints.js'
import { compile } from '../../postgres/driver/statement.js'
import { targetRowsOf, type Differences, type Sides } from './compare.js'

/**
 * Keys that the next incremental run would read, as of the same snapshot: their rows changed since the last run, and that they differ
 * is no fault. Without a state to go on from there are none.
 */
export async function pendingKeys(
  sides: Sides,
  baseline: Baseline,
  options: ResolvedOptions,
): Promise<ReadonlySet<string>> {
  const { low } = baseline.outlook
  if (low === undefined) return new Set()
  const { custom, load } = sides.plan
  if (custom) {
    const rows = rowsWhere(sides, changedSince(custom, low))
    return new Set((await listFingerprints({ session: sides.source, rows }, load)).keys())
  }
  return changedIds(sides, baseline, low, options)
}

async function changedIds(
  sides: Sides,
  { outlook, usable }: Baseline,
  low: Micros,
  options: ResolvedOptions,
) {
  const { smallTables: now, messages, probe } = outlook
  const before = usable?.smallTables
  if (!now || !before || probe.at === null) return new Set<string>()
  const { bounds } = planEdits(usable.edits, { at: probe.at, low, messages }, options)
  const rows = await sides.source.rows(compile(changedConversations({ low, now, before, edits: bounds })))
  return new Set(rows.flatMap(([id]) => (id ? [id] : [])))
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

const keysPerLook = 100
const keysLookedAt = 1000

/** In which columns each of the stale rows differs, by key; of a thousand at most. Ask before a repair. */
export async function lookAtStale(
  sides: Sides,
  stale: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const looks = new Map<string, readonly string[]>()
  const looked = stale.slice(0, keysLookedAt)
  for (let from = 0; from < looked.length; from += keysPerLook) {
    const keys = looked.slice(from, from + keysPerLook)
    for (const [key, differing] of await differingColumns(sides, keys)) looks.set(key, differing)
  }
  return looks
}

/** What the looks at these rows come to; of rows that were not looked at, as many are taken to be silent in proportion. */
export function detailStale(
  { plan }: Sides,
  stale: readonly string[],
  looks: ReadonlyMap<string, readonly string[]>,
): StaleDetail {
  const { columns, changedAt } = plan.load
  const looked = stale.flatMap((key) => looks.get(key) ?? [])
  const silent = stale.filter((key) => {
    const differing = looks.get(key)
    return differing && changedAt !== undefined && !differing.includes(changedAt)
  }).length
  const rows = stale.filter((key) => looks.has(key)).length
  const counts = columns.map(({ name }) => [name, looked.filter((column) => column === name).length] as const)
  return {
    columns: Object.fromEntries(counts.filter(([, count]) => count > 0)),
    silent: rows > 0 ? Math.round((silent * stale.length) / rows) : 0,
  }
}

async function differingColumns(sides: Sides, keys: readonly string[]): Promise<[string, string[]][]> {
  const { load } = sides.plan
  const keyAt = load.columns.findIndex(({ name }) => name === load.key)
  const [here, there] = await Promise.all([
    listTexts({ session: sides.source, rows: rowsOf(sides, keys) }, load),
    listTexts({ session: sides.target, rows: targetRowsOf(sides, keys) }, load),
  ])
  const theirs = new Map(there.map((row) => [row[keyAt], row]))
  return here.map((row) => {
    const other = theirs.get(row[keyAt])
    const names = load.columns.flatMap(({ name }, index) => (row[index] === other?.[index] ? [] : [name]))
    return [row[keyAt] ?? '', names]
  })
}
