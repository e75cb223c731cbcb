import { changedConversations } from '../../chatwoot/feeds.js'
import type { Micros } from '../../domain/micros.js'
import type { Baseline } from '../../pipeline/baseline.js'
import { planEdits } from '../../pipeline/edits.js'
import { rowsOf, rowsWhere } from '../../pipeline/queries.js'
import type { ResolvedOptions } from '../../options.js'
import { changedSince } from '../../postgres/custom-relation.js'
import { listFingerprints, listTexts } from '../../postgres/fingerprints.js'
import { compile } from '../../postgres/statement.js'
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

/** The differences without those of pending keys. */
export function withoutPending(found: Differences, pending: ReadonlySet<string>): Differences {
  const rest = (keys: readonly string[]) => keys.filter((key) => !pending.has(key))
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

/** Looks at stale rows one by one, a thousand at most; beyond, what is silent is taken to be in the same proportion. */
export async function detailStale(sides: Sides, stale: readonly string[]): Promise<StaleDetail> {
  const { columns, changedAt } = sides.plan.load
  const counts: Record<string, number> = {}
  let silent = 0
  const looked = stale.slice(0, keysLookedAt)
  for (let from = 0; from < looked.length; from += keysPerLook) {
    for (const differing of await differingColumns(sides, looked.slice(from, from + keysPerLook))) {
      for (const name of differing) counts[name] = (counts[name] ?? 0) + 1
      if (changedAt !== undefined && !differing.includes(changedAt)) silent += 1
    }
  }
  const inOrder = columns.flatMap(({ name }) => (counts[name] ? [[name, counts[name]] as const] : []))
  const scale = looked.length > 0 ? stale.length / looked.length : 1
  return { columns: Object.fromEntries(inOrder), silent: Math.round(silent * scale) }
}

async function differingColumns(sides: Sides, keys: readonly string[]): Promise<string[][]> {
  const { load } = sides.plan
  const keyAt = load.columns.findIndex(({ name }) => name === load.key)
  const [here, there] = await Promise.all([
    listTexts({ session: sides.source, rows: rowsOf(sides, keys) }, load),
    listTexts({ session: sides.target, rows: targetRowsOf(sides, keys) }, load),
  ])
  const theirs = new Map(there.map((row) => [row[keyAt], row]))
  return here.map((row) => {
    const other = theirs.get(row[keyAt])
    return load.columns.flatMap(({ name }, index) => (row[index] === other?.[index] ? [] : [name]))
  })
}
