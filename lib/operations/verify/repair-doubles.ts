import { rowsOf } from '../../pipeline/read/queries.js'
import { deleteDoubles, type DoubleKey } from '../../postgres/target/doubles.js'
import { listTexts } from '../../postgres/target/fingerprints.js'
import { partitionColumns } from '../../postgres/target/load-plan.js'
import type { Sides } from './compare.js'

/** Keys that were there more than once, by whether the source has a row of them. */
export interface SingleKeys {
  readonly inSource: readonly string[]
  readonly gone: readonly string[]
}

const keysAtOnce = 1000

/**
 * Leaves one row of each of these keys, the one that is where the source has it, in the open transaction of the target. It may differ from the source
 * in the rest, as may every row.
 */
export async function removeDoubles(sides: Sides, doubles: readonly string[]): Promise<SingleKeys> {
  const { source, target, plan } = sides
  const places = partitionColumns(plan.load)
  const inSource: string[] = []
  const gone: string[] = []
  for (let from = 0; from < doubles.length; from += keysAtOnce) {
    const keys = doubles.slice(from, from + keysAtOnce)
    const found = await listTexts({ session: source, rows: rowsOf(sides, keys) }, plan.load)
    const byKey = new Map(found.map(({ key, texts }) => [key, texts]))
    const known = keys.map((key): DoubleKey => {
      const texts = byKey.get(key)
      const at = texts && Object.fromEntries(places.map((name) => [name, texts[name] ?? null]))
      return { key, at }
    })
    await deleteDoubles(target, plan.load, known)
    for (const { key, at } of known) (at ? inSource : gone).push(key)
  }
  return { inSource, gone }
}
